"""Raw files where two tasks are at one job, as in a worker that others thought dead, and where one of them is gone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.domain.device import DeviceSelector
from orchestrator.domain.event import Notice
from orchestrator.domain.journal import JobEntry, JobState
from orchestrator.history.journal import Superseded, open_journal
from orchestrator.workflow.benchmark import surroundings
from orchestrator.workflow.context import Context
from orchestrator.workflow.job_pool import log
from orchestrator.workflow.one_job import measure
from orchestrator.workflow.pace import Pace
from orchestrator.workflow.raw_files import OwnDisk

ONE_JOB = {"repeats": 1, "devices": (DeviceSelector(name="host-cpu-1t"),)}
RESULTS = "/results/[^/]+"


def in_a_run(world: Any, work: Callable[[Context, JobEntry], Awaitable[None]]) -> None:
    """Does the work in a new run of one job."""
    entry = world.begin(**ONE_JOB)

    async def inside() -> None:
        async with asyncio.timeout(60), open_journal(world.database_url) as journal, world.open_cloud() as cloud:
            (job,) = await journal.jobs(entry.run.id)
            await work(await surroundings(entry, [job], cloud, journal, world.events.append, Pace()), job)

    asyncio.run(inside())


class Slow(httpx.AsyncByteStream):
    """A body whose second half comes when it may."""

    def __init__(self, content: bytes, go_on: asyncio.Event) -> None:
        self._content = content
        self._go_on = go_on

    async def __aiter__(self) -> AsyncIterator[bytes]:
        half = len(self._content) // 2
        yield self._content[:half]
        await self._go_on.wait()
        yield self._content[half:]


def test_what_another_task_is_still_fetching_is_no_raw_file(world: Any, hub: Any, make_fault: Any) -> None:
    """The first task is half way through its download when the second writes down what lies in the folder."""
    second_is_done = asyncio.Event()

    def slowly(_request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        return httpx.Response(200, headers=answer.headers, stream=Slow(answer.content, second_is_done))

    world.faults = [make_fault(method="GET", path=RESULTS, after=slowly)]

    async def both(context: Context, job: JobEntry) -> None:
        first = asyncio.create_task(measure(context, job))
        folder = context.attempt_folder(job)
        while not list(folder.glob(".results.zip.*")):
            await asyncio.sleep(0.01)
        measured = await measure(context, await context.journal.job(job.run_id, 0))
        assert list(folder.glob(".results.zip.*"))
        second_is_done.set()
        with pytest.raises(Superseded):
            await first
        assert {Path(file).name for file in measured.attempts[-1].files} == {"results.zip", *world.good()}
        logged = await log(context, measured)
        assert logged.state is JobState.DONE
        assert hub.artifacts(logged.hub_run_id) == dict.fromkeys(world.good(), "UPLOADED")

    in_a_run(world, both)


class LosesOne(OwnDisk):
    """A disk where one of the raw files of each job is gone by the time they are to be saved."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def bring(self, job: JobEntry) -> None:
        (self._folder / min(file for file in job.attempts[-1].files if file.endswith(".json"))).unlink()


def test_a_raw_file_that_is_gone_is_said_and_holds_nothing_up(world: Any, hub: Any) -> None:
    gone, *others = sorted(world.good())

    async def lose_one(context: Context, job: JobEntry) -> None:
        context = replace(context, raw_files=LosesOne(context.entry.folder))
        logged = await log(context, await measure(context, job))
        assert logged.state is JobState.DONE
        assert hub.artifacts(logged.hub_run_id) == dict.fromkeys(others, "UPLOADED")

    in_a_run(world, lose_one)
    (said,) = [event.text for event in world.events if isinstance(event, Notice)]
    assert said.endswith(f"{gone} is not saved on the hub: No such file or directory")
