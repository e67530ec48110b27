"""A worker: takes tasks from the queue until it is stopped, and looks after what dead workers left."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import procrastinate
from procrastinate.jobs import Job

from orchestrator.errors import BenchError, Interrupted, KeyRefused, WorkerLost
from orchestrator.history.journal import Superseded
from orchestrator.history.turns import Task
from orchestrator.workers.hands import Hands, Unfit
from orchestrator.workers.queue import PERFORM, QUEUE, Queue
from orchestrator.workers.tempo import Tempo

LONGEST_WAIT_S = 60
OLD_TASKS_H = 24


@dataclass(kw_only=True)
class Worker:
    """One worker. `say` takes a line for its log; `seen` is called whenever it has reached its database."""

    hands: Hands
    queue: Queue
    tempo: Tempo
    say: Callable[[str], None]
    seen: Callable[[], None]
    _fatal: BenchError | None = None

    async def work(self, concurrency: int) -> None:
        """Works until the pace's stop is set.

        Raises KeyRefused or Unfit where this worker's settings keep it from working for a run, and WorkerLost where
        the database was away for too long.
        """
        self._register()
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # what matters of it is said here
        asyncio.get_running_loop().set_exception_handler(self._say_stray)
        loop = asyncio.create_task(self._serve(concurrency))
        others = [asyncio.create_task(self._look_after()), asyncio.create_task(self.hands.pace.stop.wait())]
        try:
            await asyncio.wait((loop, others[1]), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*others, loop):
                task.cancel()
            ended = await asyncio.gather(loop, *others, return_exceptions=True)
        if self._fatal:
            raise self._fatal
        if not self.hands.pace.stop.is_set():
            message = f"the database was away for {self.tempo.database_s:.0f} s: this worker is to be started again"
            raise WorkerLost(message) from (ended[0] if isinstance(ended[0], Exception) else None)

    async def _serve(self, concurrency: int) -> None:
        await self.queue.app.run_worker_async(
            queues=[QUEUE],
            concurrency=concurrency,
            install_signal_handlers=False,
            delete_jobs="successful",
            fetch_job_polling_interval=self.tempo.fetch_s,
            update_heartbeat_interval=self.tempo.beat_s,
            stalled_worker_timeout=self.tempo.dead_after_s,
            shutdown_graceful_timeout=self.tempo.leave_s,
        )

    def _register(self) -> None:
        app = self.queue.app

        @app.task(name=PERFORM, queue=QUEUE, retry=_Again())
        async def perform(run_id: str, position: int | None) -> None:
            await self._perform(Task(run_id=run_id, position=position))

        @app.periodic(cron="*/5 * * * *")  # without any periodic task a heartbeat that died would go unnoticed
        @app.task(name="tidy", queue=QUEUE, pass_context=True)
        async def tidy(context: procrastinate.JobContext, timestamp: int) -> None:
            await app.job_manager.delete_old_jobs(
                nb_hours=OLD_TASKS_H, include_failed=True, include_cancelled=True, include_aborted=True
            )

    async def _perform(self, task: Task) -> None:
        try:
            await self.hands.perform(task)
        except (Interrupted, Superseded):
            raise
        except (KeyRefused, Unfit) as error:
            self._fatal = self._fatal or error
            self.hands.pace.stop.set()
            raise
        except Exception as error:
            self.say(f"run {task.run_id}: again later: {_in_words(error)}")
            raise

    def _say_stray(self, _loop: asyncio.AbstractEventLoop, found: dict[str, Any]) -> None:
        """An error that reached nobody: the end of a task could not be written on the queue; others will find it."""
        error = found.get("exception")
        self.say(f"a task's end was not noted: {_in_words(error) if isinstance(error, Exception) else 'unknown'}")

    async def _look_after(self) -> None:
        """Puts back what dead workers had, what a lost answer left with this one, and what is on no queue."""
        while True:
            try:
                if found := await self.queue.put_back_astray(self.tempo):
                    self.say(f"took over {found} that nobody was at")
                self.seen()
                for task in await self.hands.journal.turns.find_lost(self.queue.there, self.queue.put):
                    what = "its end" if task.position is None else f"its job {task.position}"
                    self.say(f"run {task.run_id}: {what} was lost from the queue and is there again")
            except Exception as error:  # it must outlive an outage of the database
                self.say(f"looking after others: {_in_words(error)}")
            await asyncio.sleep(self.tempo.look_s)


class _Again(procrastinate.BaseRetryStrategy):
    """A task is never given up: its attempts are counted in the journal. What failed waits longer each time."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> procrastinate.RetryDecision:
        """At once where the worker was stopped."""
        stopped = isinstance(exception, Interrupted | asyncio.CancelledError)
        return procrastinate.RetryDecision(
            retry_in={"seconds": 0 if stopped else min(2 ** min(job.attempts, 10), LONGEST_WAIT_S)}
        )


def _in_words(error: Exception) -> str:
    """The error on one line; of another program's only the kind, for its text may hold an address with a password."""
    return str(error).splitlines()[0] if isinstance(error, BenchError) and str(error) else type(error).__name__
