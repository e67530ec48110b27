"""The queue: Procrastinate, in the journal's PostgreSQL. It carries what is asked for; the journal has the rest.

A task is put there within the journal's own transaction. Entering a task again is harmless, so whatever an outage or a
dead worker leaves behind goes back on the queue (taken.py).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from typing import Any, TypeVar

import procrastinate
import psycopg
from procrastinate.connector import Notify
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status

from orchestrator.history.keepalive import KEEPALIVE
from orchestrator.history.turns import Task
from orchestrator.workers.taken import Taken, Taking
from orchestrator.workers.tempo import Tempo

T = TypeVar("T")
QUEUE = "bench"
PERFORM = "perform"
_STARTERS = 0x71756575  # the advisory lock's number: any that all starters share
_AGAIN_S = 0.5


class Queue:
    """Tasks on their way to workers."""

    def __init__(self, app: procrastinate.App) -> None:
        self.app = app
        self.app.job_manager = self._taken = Taken(app.connector)
        self._before: frozenset[Taking] = frozenset()  # what was astray at the last look

    async def put(self, connection: Any, tasks: Sequence[Task]) -> None:
        """Puts tasks there, within the transaction of that connection."""
        deferrer = self.app.configure_task(PERFORM, queue=QUEUE, connection=connection)
        await deferrer.batch_defer_async(*(asdict(task) for task in tasks))

    async def there(self) -> set[Task]:
        """The tasks that wait on it or are with a worker, dead or alive: at one moment, for they go back and forth."""
        waiting_or_taken = (Status.TODO.value, Status.DOING.value)
        jobs = await self._taken.list_jobs_async(queue=QUEUE, task=PERFORM)
        return {task_of(job) for job in jobs if job.status in waiting_or_taken}

    async def put_back_astray(self, tempo: Tempo) -> int:
        """Puts back what nobody is at; how many tasks. Only what was so at the look before, too, is put back.

        For right after an outage everybody seems dead, and what is being taken is not in hand yet.
        """
        found = await self._astray(tempo)
        put_back = [job for taking, job in found.items() if taking in self._before]
        for job in put_back:
            await self._taken.retry_job(job)
        self._before = frozenset(found)
        return len(put_back)

    async def _astray(self, tempo: Tempo) -> dict[Taking, Job]:
        """What is said to be with a worker that gives no sign of life, or with this one, which is not at it."""
        dead = await self._taken.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=tempo.dead_after_s)
        return self._taken.not_in_hand([*dead, *await self._mine()])

    async def _mine(self) -> Iterable[Job]:
        if self._taken.worker_id is None:
            return ()
        return await self._taken.list_jobs_async(
            queue=QUEUE, status=Status.DOING.value, worker_id=self._taken.worker_id
        )


def task_of(job: Job) -> Task:
    """What a job of the queue asks for."""
    given: dict[str, Any] = job.task_kwargs
    return Task(**given)


@asynccontextmanager
async def open_queue(conninfo: str, tempo: Tempo | None = None) -> AsyncIterator[Queue]:
    """The queue in the database at `conninfo`, its tables made where they are not there yet."""
    await _make_tables(conninfo)
    connector = _PatientConnector(conninfo=conninfo, kwargs=KEEPALIVE, min_size=1, max_size=4, timeout=10.0)
    connector.patience_s = (tempo or Tempo()).database_s
    app = procrastinate.App(connector=connector)
    async with app.open_async():
        yield Queue(app)


async def _make_tables(conninfo: str) -> None:
    async with await psycopg.AsyncConnection.connect(conninfo, **KEEPALIVE) as connection:  # type: ignore[arg-type]
        await connection.execute("select pg_advisory_xact_lock(%s)", [_STARTERS])
        found = await (await connection.execute("select to_regclass('procrastinate_jobs')")).fetchone()
        if found == (None,):
            await connection.execute(procrastinate.schema.SchemaManager.get_schema())


class _PatientConnector(procrastinate.PsycopgConnector):
    """Outlives a database that is away for seconds: else one lost heartbeat would end the worker.

    What may have been carried out is repeated, for it is harmless: a task that a lost answer left with this worker goes
    back on the queue, and one that it gave away already stays with whoever has it.
    """

    patience_s = 60.0

    async def execute_query_async(self, query: Any, **arguments: Any) -> None:
        """As the base class does."""
        await self._patiently(lambda: super(_PatientConnector, self).execute_query_async(query, **arguments))

    async def execute_query_one_async(self, query: Any, **arguments: Any) -> dict[str, Any]:
        """As the base class does."""
        base = super().execute_query_one_async
        return await self._patiently(lambda: base(query, **arguments))

    async def execute_query_all_async(self, query: Any, **arguments: Any) -> list[dict[str, Any]]:
        """As the base class does."""
        base = super().execute_query_all_async
        return await self._patiently(lambda: base(query, **arguments))

    async def listen_notify(self, on_notification: Notify, channels: Any) -> None:
        """As the base class does; while the database is away there is nothing to hear."""
        channels = list(channels)
        while True:
            with suppress(ConnectorException):
                await super().listen_notify(on_notification, channels)
            await asyncio.sleep(_AGAIN_S)

    async def _patiently(self, once: Callable[[], Awaitable[T]]) -> T:
        end = time.monotonic() + self.patience_s
        while True:
            try:
                return await once()
            except ConnectorException as error:
                if not isinstance(error.__cause__, psycopg.OperationalError) or time.monotonic() > end:
                    raise
                await asyncio.sleep(_AGAIN_S)
