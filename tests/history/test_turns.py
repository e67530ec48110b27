"""Whose turn it is: the limits hold across all who hand out, the end is asked for once, and nothing stays lost."""

import asyncio
import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.domain.cell import Cell
from orchestrator.domain.journal import JobState, RunEntry
from orchestrator.domain.measurement import Measurement
from orchestrator.domain.outcome import Measured, Skipped
from orchestrator.domain.run import RunState
from orchestrator.history.journal import Journal, Superseded, open_journal
from orchestrator.history.turns import Task

MakeRun = Callable[..., RunEntry]
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Queue:
    """Tasks as they are put; one that is taken is gone."""

    tasks: list[Task] = field(default_factory=list)

    async def put(self, _connection: Any, tasks: Sequence[Task]) -> None:
        """Takes them."""
        self.tasks += tasks

    async def there(self) -> Sequence[Task]:
        """What is on it."""
        return self.tasks


def detached(run_entry: MakeRun, run_id: str = "20260101T000000Z-abcdef", **limits: int) -> RunEntry:
    """A detached run of two cells on two devices, three repeats."""
    entry = run_entry(run_id)
    plan = replace(entry.plan, limits=replace(entry.plan.limits, **limits))
    return replace(entry, plan=plan, run=replace(entry.run, detached=True))


async def device_of(journal: Journal, task: Task) -> str:
    """The device of a task's job."""
    assert task.position is not None
    return (await journal.job(task.run_id, task.position)).key.cell.device


async def conclude(journal: Journal, task: Task) -> None:
    """Measures the job of a task."""
    assert task.position is not None
    job = await journal.job(task.run_id, task.position)
    await journal.move(replace(job, state=JobState.DONE, outcome=Skipped(reason="not needed")))


def test_limits_hold_for_the_whole_cloud_and_the_end_comes_once(postgres_url: str, run_entry: MakeRun) -> None:
    async def walk() -> None:
        queue = Queue()
        async with open_journal(postgres_url) as journal, open_journal(postgres_url) as other:
            first = detached(run_entry, in_flight=3, per_device=2)
            second = detached(run_entry, "20260102T000000Z-abcdef", in_flight=3, per_device=2)
            for entry in (first, second):
                await journal.begin(entry)
            await asyncio.gather(*(one.turns.hand_out(first.run.id, queue.put) for one in (journal, other) * 4))
            taken: list[Task] = []
            while waiting := [task for task in queue.tasks if task not in taken]:
                jobs = {
                    task: await journal.job(task.run_id, task.position) for task in waiting if task.position is not None
                }
                on_device = Counter(job.key.cell.device for job in jobs.values())
                assert max(on_device.values(), default=0) <= 2
                assert max(Counter(task.run_id for task in jobs).values(), default=0) <= 3
                for task in jobs:
                    await conclude(journal, task)
                ended = [(task.run_id, task.position) for task in jobs if task.position is not None]
                await asyncio.gather(*(journal.turns.over(*job, queue.put) for job in ended))
                taken += waiting
            everything = {Task(run_id=entry.run.id, position=place) for entry in (first, second) for place in range(6)}
            ends = {Task(run_id=entry.run.id) for entry in (first, second)}
            assert Counter(queue.tasks) == Counter([*everything, *ends])

    asyncio.run(walk())


def test_the_longest_go_first_and_no_device_waits(postgres_url: str, run_entry: MakeRun) -> None:
    """Two at a time: by the plan's order the slow device would be left with its last job, and all would take 16 s."""
    seconds = {"d1": 2.0, "d2": 2.0, "d3": 2.0, "d4": 2.0, "slow": 6.0}

    def night(run_id: str, **limits: int) -> RunEntry:
        entry = detached(run_entry, run_id, **limits)
        cells = tuple(Cell(model="m", device=device) for device in seconds)
        return replace(entry, cells=cells, plan=replace(entry.plan, repeats=2))

    async def walk() -> None:
        queue = Queue()
        async with open_journal(postgres_url) as journal:
            before = night("20260101T000000Z-abcdef")
            for job in await journal.begin(before):
                begun = replace(job, started_at=START, begun_at=START)
                measured = Measured(measurement=Measurement(metrics={}))
                await journal.move(begun.concluded(measured, START + timedelta(seconds=seconds[job.key.cell.device])))
            await journal.end(replace(before.run, state=RunState.COMPLETED, exit_code=0))
            tonight = night("20260102T000000Z-abcdef", in_flight=2, per_device=1)
            await journal.begin(tonight)
            await journal.turns.hand_out(tonight.run.id, queue.put)
            now, under_way, began = 0.0, [], list[str]()
            while queue.tasks or under_way:
                for task in [queue.tasks.pop(0) for _ in list(queue.tasks)]:
                    if task.position is not None:
                        began.append(device := await device_of(journal, task))
                        heapq.heappush(under_way, (now + seconds[device], task.position))
                if under_way:
                    now, position = heapq.heappop(under_way)
                    await conclude(journal, Task(run_id=tonight.run.id, position=position))
                    await journal.turns.over(tonight.run.id, position, queue.put)
            assert began[:3] == ["slow", "d1", "d2"]
            assert Counter(began) == dict.fromkeys(seconds, 2)
            assert now == 14.0

    asyncio.run(walk())


def test_what_is_lost_from_the_queue_is_found_again(postgres_url: str, run_entry: MakeRun) -> None:
    async def walk() -> None:
        queue = Queue()
        async with open_journal(postgres_url) as journal:
            entry = detached(run_entry, in_flight=2, per_device=2)
            await journal.begin(entry)
            assert await journal.turns.find_lost(queue.there, queue.put) == ()
            handed_out = list(queue.tasks)
            assert len(handed_out) == 2
            queue.tasks.pop()
            assert await journal.turns.find_lost(queue.there, queue.put) == (handed_out[-1],)
            assert queue.tasks == handed_out

    asyncio.run(walk())


def test_the_end_of_a_run_that_ends_while_it_is_looked_for_is_not_lost(postgres_url: str, run_entry: MakeRun) -> None:
    async def walk() -> None:
        queue = Queue()
        async with open_journal(postgres_url) as journal:
            entry = detached(run_entry, in_flight=6, per_device=3)
            await journal.begin(entry)
            await journal.turns.hand_out(entry.run.id, queue.put)
            for position in range(6):
                await journal.turns.over(entry.run.id, position, queue.put)
            end = Task(run_id=entry.run.id)
            assert queue.tasks.pop() == end

            async def ending() -> Sequence[Task]:
                await journal.end(replace(entry.run, state=RunState.COMPLETED, exit_code=0))
                return ()

            async def nothing() -> Sequence[Task]:
                return ()

            assert await journal.turns.find_lost(nothing, queue.put) == (end,)
            assert await journal.turns.find_lost(ending, queue.put) == ()

    asyncio.run(walk())


def test_a_run_is_ended_by_one(postgres_url: str, run_entry: MakeRun) -> None:
    async def walk() -> None:
        async with open_journal(postgres_url) as journal:
            entry = detached(run_entry)
            await journal.begin(entry)
            ended = replace(entry.run, state=RunState.COMPLETED, exit_code=0)
            await journal.end(ended)
            with pytest.raises(Superseded):
                await journal.end(ended)

    asyncio.run(walk())


def test_a_held_cloud_lets_one_pass_at_a_time(postgres_url: str) -> None:
    async def walk() -> None:
        async with open_journal(postgres_url) as journal:
            holds = journal.holds
            assert await holds.pass_by("hub", 60)
            await holds.refuse("hub", 60)
            assert not await holds.pass_by("hub", 60)
            await holds.open("hub")
            assert sum(await asyncio.gather(*(holds.pass_by("hub", 60) for _ in range(4)))) == 1
            assert await holds.pass_by("another", 60)

    asyncio.run(walk())
