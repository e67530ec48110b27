"""The queue under outages, on a real PostgreSQL: each task is with one worker, which knows what it has in hand."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import procrastinate
import psycopg
import pytest
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status

from orchestrator.domain.journal import RunEntry
from orchestrator.history.engine import conninfo
from orchestrator.history.journal import open_journal
from orchestrator.history.turns import Task
from orchestrator.workers.hands import Hands
from orchestrator.workers.queue import QUEUE, Queue, open_queue
from orchestrator.workers.tempo import Tempo
from orchestrator.workers.worker import Worker
from orchestrator.workflow.pace import Pace

TEMPO = Tempo(takeover_s=2.0)
WAIT_S = 30
RUN = "20260101T000000Z-abcdef"


@asynccontextmanager
async def queue_with(url: str, *positions: int) -> AsyncIterator[Queue]:
    """A queue with a task for each position."""
    async with open_queue(conninfo(url), TEMPO) as queue:
        async with await psycopg.AsyncConnection.connect(conninfo(url)) as connection:
            await queue.put(connection, [Task(run_id=RUN, position=position) for position in positions])
        yield queue


async def take(queue: Queue, worker: int) -> Job:
    """The next task, for that worker."""
    job = await queue.app.job_manager.fetch_job([QUEUE], worker)
    assert job
    return job


async def standing(queue: Queue) -> list[tuple[str | None, int | None]]:
    """How each task stands, and with whom."""
    return [(job.status, job.worker_id) for job in await queue.app.job_manager.list_jobs_async()]


@pytest.mark.parametrize("how", ["done", "again"])
def test_a_worker_that_was_thought_dead_ends_nothing_that_another_took_over(postgres_url: str, how: str) -> None:
    async def end(queue: Queue, job: Job) -> None:
        if how == "done":
            await queue.app.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=True)
        else:
            await queue.app.job_manager.retry_job(job)

    async def walk() -> None:
        async with queue_with(postgres_url, 0) as queue:
            one, two = [await queue.app.job_manager.register_worker() for _ in range(2)]
            thought_dead = await take(queue, one)
            await queue.app.job_manager.retry_job(thought_dead)
            await queue.app.job_manager.retry_job(thought_dead)  # as a third would, or as if the answer was lost
            assert await standing(queue) == [("todo", one)]
            taken_over = await take(queue, two)
            await end(queue, thought_dead)
            assert await standing(queue) == [("doing", two)]
            await end(queue, taken_over)
            assert await standing(queue) == ([] if how == "done" else [("todo", two)])

    asyncio.run(walk())


def test_only_who_gives_no_sign_of_life_at_two_looks_is_dead(postgres_url: str) -> None:
    async def walk() -> None:
        async with queue_with(postgres_url, 0) as one, open_queue(conninfo(postgres_url), TEMPO) as other:
            worker = await one.app.job_manager.register_worker()
            await take(one, worker)

            async def looks(signs_of_life: str) -> list[int]:
                found = []
                for sign in signs_of_life:
                    since_s = 0 if sign == "+" else 2 * TEMPO.dead_after_s
                    beat = (
                        "update procrastinate_workers set last_heartbeat = now() - make_interval(secs => %(since_s)s)"
                    )
                    await other.app.connector.execute_query_async(beat, since_s=since_s)
                    found.append(await other.put_back_astray(TEMPO))
                return found

            assert await looks("-+-+--") == [0, 0, 0, 0, 0, 1]
            assert await standing(one) == [("todo", worker)]

    asyncio.run(walk())


def test_a_worker_that_starts_after_an_outage_forgets_none_that_lives(postgres_url: str) -> None:
    async def walk() -> None:
        async with queue_with(postgres_url, 0, 1) as one, open_queue(conninfo(postgres_url), TEMPO) as starting:
            worker = await one.app.job_manager.register_worker()
            await take(one, worker)
            away = "update procrastinate_workers set last_heartbeat = now() - interval '1 hour'"
            await one.app.connector.execute_query_async(away)
            assert await starting.app.job_manager.prune_stalled_workers(TEMPO.dead_after_s) == []
            await take(one, worker)
            assert await standing(one) == [("doing", worker)] * 2

    asyncio.run(walk())


@dataclass(kw_only=True)
class SlowHands(Hands):
    """Takes for each job until `let_go`. `begun` counts how often each was begun, `at` those it is at now."""

    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    begun: Counter[int] = field(default_factory=Counter)
    at: Counter[int] = field(default_factory=Counter)
    most: int = 0

    async def _drive(self, run_id: str, position: int) -> None:
        self.begun[position] += 1
        self.at[position] += 1
        self.most = max(self.most, *self.at.values())
        try:
            await self.pace.unless_stopped(self.let_go.wait())
        finally:
            self.at[position] -= 1
        await self.journal.turns.over(run_id, position, self.queue.put)

    async def _settle(self, run_id: str) -> None:
        self.pace.stop.set()


@dataclass(kw_only=True)
class AtWork:
    """A worker with slow hands, what it said, and how often it looked after others."""

    hands: SlowHands
    said: list[str] = field(default_factory=list)
    looks: int = 0

    def look(self) -> None:
        """Once more."""
        self.looks += 1

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Waits until it is so."""
        end = time.monotonic() + WAIT_S
        while not is_so():
            assert time.monotonic() < end, self.said
            await asyncio.sleep(0.02)


@asynccontextmanager
async def at_work(url: str, folder: Path, run_entry: Callable[..., RunEntry]) -> AsyncIterator[AtWork]:
    """A worker at a detached run of six jobs, until the run is to be ended."""
    entry = run_entry(RUN)
    plan = replace(entry.plan, limits=replace(entry.plan.limits, in_flight=6, per_device=3))
    entry = replace(entry, plan=plan, run=replace(entry.run, detached=True))
    async with open_journal(url) as journal, open_queue(conninfo(url), TEMPO) as queue:
        await journal.begin(entry)
        await journal.turns.hand_out(entry.run.id, queue.put)
        unused: Any = None
        hands = SlowHands(
            **dict.fromkeys(("store", "kept", "open_cloud", "publish", "tell_people", "tell"), unused),
            journal=journal,
            queue=queue,
            pace=Pace(),
            reports=folder,
            locks=folder,
        )
        found = AtWork(hands=hands)
        worker = Worker(hands=hands, queue=queue, tempo=TEMPO, say=found.said.append, seen=found.look)
        async with asyncio.timeout(2 * WAIT_S), asyncio.TaskGroup() as group:
            group.create_task(worker.work(concurrency=12))
            yield found
            hands.let_go.set()


def test_a_long_outage_puts_nothing_back_that_is_still_in_hand(
    postgres_server: Any, postgres_url: str, tmp_path: Path, run_entry: Callable[..., RunEntry]
) -> None:
    """The outage outlasts the heartbeat by which a worker counts as dead, and this one finds itself dead after it."""

    async def walk() -> None:
        async with at_work(postgres_url, tmp_path, run_entry) as found:
            await found.until(lambda: len(found.hands.at) == 6)
            await asyncio.to_thread(postgres_server.stop)
            await asyncio.sleep(TEMPO.dead_after_s + TEMPO.beat_s)
            await asyncio.to_thread(postgres_server.ensure_postgres_running)
            before = found.looks
            await found.until(lambda: found.looks >= before + 4)
        assert found.hands.begun == dict.fromkeys(range(6), 1), found.said
        assert [line for line in found.said if "took over" in line or "lost from the queue" in line] == []

    asyncio.run(walk())


def test_a_job_that_others_gave_back_is_not_driven_twice_at_once(
    postgres_url: str, tmp_path: Path, run_entry: Callable[..., RunEntry]
) -> None:
    """Another worker thought this one dead: its tasks come back to it while it is still at them."""

    async def walk() -> None:
        async with at_work(postgres_url, tmp_path, run_entry) as found:
            await found.until(lambda: len(found.hands.at) == 6)
            manager = found.hands.queue.app.job_manager
            async with open_queue(conninfo(postgres_url), TEMPO) as other:
                had = list(await manager.list_jobs_async(queue=QUEUE, status="doing"))
                for job in had:
                    await other.app.job_manager.retry_job(job)
            taken: list[Job] = []
            while [job.attempts for job in taken] != [1] * 6:
                taken = list(await manager.list_jobs_async(queue=QUEUE, status="doing"))
        assert found.hands.most == 1
        assert set(found.hands.begun) == set(range(6))
        assert [line for line in found.said if "lost from the queue" in line] == []

    asyncio.run(walk())


def test_a_first_task_whose_answer_was_lost_is_taken_again_by_the_same_worker(
    monkeypatch: pytest.MonkeyPatch, postgres_url: str, tmp_path: Path, run_entry: Callable[..., RunEntry]
) -> None:
    ask, lost = procrastinate.PsycopgConnector.execute_query_one_async, []

    async def lose_the_first(self: Any, query: str, **arguments: Any) -> dict[str, Any]:
        answer = await ask(self, query, **arguments)
        if "fetch_job" in query and answer["id"] is not None and not lost:
            lost.append(answer["args"]["position"])
            raise ConnectorException from psycopg.OperationalError("the connection is lost")
        return answer

    monkeypatch.setattr(procrastinate.PsycopgConnector, "execute_query_one_async", lose_the_first)

    async def walk() -> None:
        async with at_work(postgres_url, tmp_path, run_entry) as found:
            await found.until(lambda: len(found.hands.at) == 6)
        assert lost == [0]
        assert found.hands.begun == dict.fromkeys(range(6), 1)
        assert [line for line in found.said if "took over" in line] == ["took over 1 that nobody was at"]

    asyncio.run(walk())
