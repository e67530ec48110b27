"""Writes that go to the disk together: each is told its own end."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from orchestrator.domain.journal import JobEntry, JobState, RunEntry
from orchestrator.history.journal import Superseded, open_journal

MakeRun = Callable[..., RunEntry]


def test_many_at_once_take_few_commits_and_each_hears_of_its_own(database_url: str, run_entry: MakeRun) -> None:
    async def walk() -> None:
        async with open_journal(database_url) as journal:
            jobs = await journal.begin(run_entry())
            commits: list[object] = []
            sa.event.listen(journal._engine.sync_engine, "commit", commits.append)
            stale = replace(jobs[0], version=7)
            moves = [journal.move(replace(job, state=JobState.RESERVED)) for job in jobs]
            results = await asyncio.gather(*moves, journal.move(stale), return_exceptions=True)
            assert len(commits) <= 2
            assert [job.version for job in results if isinstance(job, JobEntry)] == [1] * len(jobs)
            assert isinstance(results[-1], Superseded)
            assert await journal.jobs(run_entry().run.id) == tuple(results[:-1])

    asyncio.run(walk())


def test_of_two_who_move_one_job_at_once_one_is_superseded(database_url: str, run_entry: MakeRun) -> None:
    async def walk() -> None:
        async with open_journal(database_url) as journal:
            job, *_ = await journal.begin(run_entry())
            both = (journal.move(replace(job, upload_id=name)) for name in "ab")
            results = await asyncio.gather(*both, return_exceptions=True)
            assert [isinstance(result, Superseded) for result in results] == [False, True]

    asyncio.run(walk())


def test_whoever_gives_up_waiting_undoes_nothing_of_the_others(database_url: str, run_entry: MakeRun) -> None:
    async def walk() -> None:
        async with open_journal(database_url) as journal:
            first, second, *_ = await journal.begin(run_entry())
            leaving = asyncio.ensure_future(journal.move(replace(first, state=JobState.RESERVED)))
            staying = asyncio.ensure_future(journal.move(replace(second, state=JobState.RESERVED)))
            await asyncio.sleep(0)
            leaving.cancel()
            assert (await staying).version == 1
            assert (await journal.move(replace(second, version=1))).version == 2

    asyncio.run(walk())


def test_a_database_that_fails_is_told_to_all_who_wait(database_url: str, run_entry: MakeRun) -> None:
    async def walk() -> None:
        async with open_journal(database_url) as journal:
            jobs = await journal.begin(run_entry())

            def fail(*_: object) -> None:
                raise OperationalError(None, {}, Exception("gone"))

            engine = journal._engine.sync_engine
            sa.event.listen(engine, "before_cursor_execute", fail)
            results = await asyncio.gather(*map(journal.move, jobs), return_exceptions=True)
            assert {type(result) for result in results} == {OperationalError}
            sa.event.remove(engine, "before_cursor_execute", fail)
            assert (await journal.move(jobs[0])).version == 1

    asyncio.run(walk())
