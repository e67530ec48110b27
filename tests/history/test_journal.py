"""The journal keeps what it was given, moves forward only once, and survives a killed writer."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.domain.job import Attempt, StateChange
from orchestrator.domain.journal import JobEntry, JobState, RunEntry, SavedArtifact
from orchestrator.domain.measurement import Layer, Measurement, Metric
from orchestrator.domain.old_model import OldModel
from orchestrator.domain.outcome import Failed, FailureKind, Measured, Outcome, Skipped
from orchestrator.domain.report import GateResult
from orchestrator.domain.run import RunState, new_run_id
from orchestrator.errors import UsageError
from orchestrator.history.database import sqlite_url
from orchestrator.history.journal import AlreadyBegun, Journal, Superseded, open_journal

MakeRun = Callable[..., RunEntry]
NOW = datetime(2026, 1, 1, 2, 3, 4, 567, tzinfo=UTC)


def test_a_run_and_its_jobs_come_back_as_they_were(database_url: str, run_entry: MakeRun) -> None:
    async def walk() -> None:
        async with open_journal(database_url) as journal:
            jobs = await journal.begin(run_entry())
        async with open_journal(database_url) as journal:
            assert await journal.run(run_entry().run.id) == run_entry()
            assert await journal.jobs(run_entry().run.id) == jobs
        assert len(jobs) == 6

    asyncio.run(walk())


@pytest.mark.parametrize("at_once", [1, 2, 6, 9])
def test_jobs_are_read_in_order_however_few_at_a_time(
    database_url: str, run_entry: MakeRun, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("orchestrator.history.job_reader.JOBS_AT_ONCE", at_once)
    monkeypatch.setattr("orchestrator.history.job_reader.CELLS_AT_ONCE", at_once)
    entry = run_entry()

    async def walk() -> None:
        async with open_journal(database_url) as journal:
            jobs = await journal.begin(entry)
            await journal.begin(run_entry("20260102T000000Z-abcdef"))
            assert await journal.jobs(entry.run.id) == jobs
            for cells in ((), entry.cells[1:], entry.cells, (replace(entry.cells[0], variant="other"),)):
                expected = [job for job in jobs if job.key.cell in cells]
                found = await journal.jobs_of(entry.run.id, cells)
                assert sorted(found, key=jobs.index) == expected
                repeats = [job.key.repeat for job in found if job.key.cell == entry.cells[1]]
                assert repeats == sorted(repeats)

    asyncio.run(walk())


def test_what_a_job_came_to_is_in_memory_once(database_url: str, run_entry: MakeRun) -> None:
    numbers = Measured(measurement=Measurement(metrics={"latency_ms": Metric(value=1.0, unit="ms")}))
    failed = Failed(kind=FailureKind.CLOUD, reason="away")

    async def walk() -> None:
        async with open_journal(database_url) as journal:
            job, _, again, *_ = await journal.begin(run_entry())
            measured = await journal.move(replace(job, started_at=NOW).concluded(numbers, NOW))
            other = await journal.move(replace(again, started_at=NOW).concluded(failed, NOW).next_attempt())
            read, _, waiting, *_ = await journal.jobs(job.run_id)
            assert (read, waiting) == (measured, other)
            assert read.outcome is read.attempts[-1].outcome
            assert waiting.outcome is None
            assert waiting.attempts[-1].outcome == failed

    asyncio.run(walk())


def test_cells_are_interleaved_over_time(run_entry: MakeRun) -> None:
    order = [(job.key.repeat, job.key.cell.device) for job in run_entry().jobs()]
    assert order == [(1, "d1"), (1, "d2"), (2, "d1"), (2, "d2"), (3, "d1"), (3, "d2")]


text = st.text(max_size=20)
metric = st.builds(
    Metric, value=st.floats(allow_nan=False, allow_infinity=False), unit=text, n=st.none() | st.integers(0)
)
layer = st.builds(Layer, index=st.integers(0, 99), name=text, type=text, time_us=st.floats(0, 1e9))
measurement = st.builds(
    Measurement, metrics=st.dictionaries(text, metric, max_size=3), layers=st.lists(layer, max_size=3).map(tuple)
)
outcome: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Measured, measurement=measurement),
    st.builds(Failed, kind=st.sampled_from(FailureKind), reason=text),
    st.builds(Skipped, reason=text),
)
change = st.builds(StateChange, state=text, at=st.just(NOW))
attempt = st.builds(
    Attempt,
    number=st.integers(1, 9),
    started_at=st.just(NOW),
    ended_at=st.just(NOW),
    outcome=outcome,
    changes=st.lists(change, max_size=3).map(tuple),
    notes=st.lists(text, max_size=2).map(tuple),
)
artifact = st.builds(SavedArtifact, file=text, artifact_id=text, uploaded=st.booleans())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    state=st.sampled_from(JobState),
    outcome=st.none() | outcome,
    attempts=st.lists(attempt, max_size=2).map(tuple),
    artifacts=st.lists(artifact, max_size=2).map(tuple),
)
def test_whatever_a_job_comes_to_is_kept(
    database_url: str,
    run_entry: MakeRun,
    state: JobState,
    outcome: Outcome | None,
    attempts: tuple[Attempt, ...],
    artifacts: tuple[SavedArtifact, ...],
) -> None:
    async def walk() -> None:
        async with open_journal(database_url) as journal:
            first, *rest = await journal.begin(run_entry(new_run_id(datetime.now(UTC))))
            changed = replace(first, state=state, outcome=outcome, attempts=attempts, artifacts=artifacts)
            moved = await journal.move(changed)
            assert moved == replace(changed, version=1)
            assert await journal.jobs(first.run_id) == (moved, *rest)

    asyncio.run(walk())


def test_who_comes_second_is_told_and_changes_nothing(database_url: str, run_entry: MakeRun) -> None:
    async def walk() -> None:
        async with open_journal(database_url) as one, open_journal(database_url) as other:
            job, *_ = await one.begin(run_entry())
            moved = await one.move(replace(job, state=JobState.RESERVED, download_id="mine"))
            with pytest.raises(Superseded):
                await other.move(replace(job, state=JobState.RESERVED, download_id="theirs"))
            assert (await other.jobs(job.run_id))[0] == moved

    asyncio.run(walk())


def test_the_jobs_on_a_device_are_known_and_which_may_have_come_before_a_lost_one(
    database_url: str, run_entry: MakeRun
) -> None:
    def on_cloud(job: JobEntry, *intents: int, answered: bool = False) -> JobEntry:
        changes = tuple(StateChange(state="submitting", at=NOW + timedelta(seconds=second)) for second in intents)
        return replace(job, state=JobState.SUBMITTED if answered else JobState.SUBMITTING, changes=changes)

    def of_run(run_id: str, cloud: str) -> RunEntry:
        entry = run_entry(run_id)
        return replace(entry, run=replace(entry.run, cloud=cloud))

    async def walk() -> None:
        async with open_journal(database_url) as journal:
            runs = [of_run(f"2026010{day}T000000Z-abcdef", cloud) for day, cloud in ((1, "a"), (2, "a"), (3, "b"))]
            mine, ours, elsewhere = [await journal.begin(run) for run in runs]
            device = mine[0].key.cell.device
            here = [job for job in mine if job.key.cell.device == device]
            other = next(job for job in mine if job.key.cell.device != device)
            first, lost, late = on_cloud(here[0], 10, answered=True), on_cloud(here[1], 11, 13), on_cloud(here[2], 14)
            old, beside = on_cloud(ours[0], 3, answered=True), on_cloud(ours[2], 12)
            for job in (first, lost, late, old, beside, on_cloud(other, 12), on_cloud(elsewhere[0], 12)):
                await journal.move(job)
            there = await journal.jobs_on("a", device)
            names = {(job.run_id, job.key) for job in there}
            assert names == {(job.run_id, job.key) for job in (first, lost, late, old, beside)}
            before = [(job.run_id, job.key) for job in there if job.may_be_before(lost, within_s=10)]
            assert set(before) == {(first.run_id, first.key), (beside.run_id, beside.key)}
            await journal.move(replace(first, state=JobState.CONCLUDED, version=1))
            await journal.end(replace(runs[1].run, state=RunState.COMPLETED))
            assert {job.key for job in await journal.jobs_on("a", device)} == {lost.key, late.key}

    asyncio.run(walk())


def test_of_many_writers_one_wins(database_url: str, run_entry: MakeRun) -> None:
    async def attempt_move(journal: Journal, job: JobEntry, name: str) -> bool:
        try:
            await journal.move(replace(job, download_id=name))
        except Superseded:
            return False
        return True

    async def walk() -> None:
        async with open_journal(database_url) as one, open_journal(database_url) as other:
            job, *_ = await one.begin(run_entry())
            writers = [attempt_move(journal, job, str(n)) for n in range(10) for journal in (one, other)]
            assert sum(await asyncio.gather(*writers)) == 1

    asyncio.run(walk())


def test_runs_are_listed_newest_first_with_how_they_ended(database_url: str, run_entry: MakeRun) -> None:
    async def walk() -> None:
        async with open_journal(database_url) as journal:
            for day in (1, 3, 2):
                await journal.begin(run_entry(f"2026010{day}T000000Z-abcdef"))
            last = (await journal.runs(limit=1))[0]
            ended = replace(last, state=RunState.COMPLETED, exit_code=11, ended_at=NOW)
            await journal.end(ended)
            assert [run.id[:8] for run in await journal.runs()] == ["20260103", "20260102", "20260101"]
            assert (await journal.runs())[0] == ended
            assert (await journal.run(last.id)).run == ended
            assert (await journal.reopen(ended)).exit_code is None

    asyncio.run(walk())


def test_further_sessions_are_added_once(database_url: str, run_entry: MakeRun) -> None:
    async def walk() -> None:
        async with open_journal(database_url) as journal:
            entry = run_entry()
            first = await journal.begin(entry)
            second = entry.session_jobs({entry.cells[1]: 2})
            await journal.add(second)
            assert await journal.jobs(entry.run.id) == (*first, *second)
            assert [job.key.repeat for job in second] == [4, 5, 6]
            with pytest.raises(Superseded):
                await journal.add(second)

    asyncio.run(walk())


def test_a_time_of_a_schedule_has_one_run(database_url: str, run_entry: MakeRun) -> None:
    async def attempt_begin(journal: Journal, number: int) -> str:
        try:
            entry = run_entry(f"run-{number}")
            await journal.begin(replace(entry, run=replace(entry.run, tick=datetime(2026, 11, 27, 2, tzinfo=UTC))))
        except AlreadyBegun as error:
            return error.run_id
        return f"run-{number}"

    async def walk() -> None:
        async with open_journal(database_url) as one, open_journal(database_url) as other:
            begun = await asyncio.gather(*(attempt_begin((one, other)[n % 2], n) for n in range(6)))
            assert set(begun) == {run.id for run in await one.runs()}
            assert len(await one.runs()) == 1
            for number in (7, 8):
                await one.begin(run_entry(f"run-{number}"))
            assert len(await one.runs()) == 3

    asyncio.run(walk())


def test_the_verdicts_of_an_ended_run_are_kept(database_url: str, run_entry: MakeRun) -> None:
    async def walk() -> None:
        async with open_journal(database_url) as journal:
            entry = run_entry()
            await journal.begin(entry)
            gate = GateResult(cell=entry.cells[0], metric="latency_ms", rule="r", verdict="fail", reason="x", value=1.0)
            ended = replace(entry.run, state=RunState.COMPLETED, exit_code=10, ended_at=NOW)
            await journal.end(ended, (gate,))
            assert (await journal.run(entry.run.id)).gates == (gate,)

    asyncio.run(walk())


def test_an_unknown_run_is_the_users_mistake(database_url: str) -> None:
    async def walk() -> None:
        async with open_journal(database_url) as journal:
            with pytest.raises(UsageError, match=r"no run 'nope'.*bench runs"):
                await journal.run("nope")

    asyncio.run(walk())


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to look like one" * 40])
def test_a_broken_database_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "history.db").write_bytes(content)

    async def walk() -> None:
        with pytest.raises(UsageError, match=r"history\.db cannot be opened: .*not a database"):
            async with open_journal(sqlite_url(tmp_path)):
                pass

    asyncio.run(walk())


def test_another_versions_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "history.db") as connection:
        connection.execute("create table run (id text primary key)")

    async def walk() -> None:
        with pytest.raises(UsageError, match="another version's"):
            async with open_journal(sqlite_url(tmp_path)):
                pass

    asyncio.run(walk())


WRITER = """
import asyncio, sys
from dataclasses import replace
from orchestrator.history.journal import open_journal

async def main():
    async with open_journal(sys.argv[1]) as journal:
        job = (await journal.jobs(sys.argv[2]))[0]
        while True:
            job = await journal.move(replace(job, notes=(str(job.version + 1),)))
            print(job.version, flush=True)

asyncio.run(main())
"""


def test_what_was_written_before_a_kill_is_there_after_it(database_url: str, run_entry: MakeRun) -> None:
    async def begin() -> None:
        async with open_journal(database_url) as journal:
            await journal.begin(run_entry())

    async def read() -> JobEntry:
        async with open_journal(database_url) as journal:
            return (await journal.jobs(run_entry().run.id))[0]

    asyncio.run(begin())
    command = [sys.executable, "-c", WRITER, database_url, run_entry().run.id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        seen = [writer.stdout.readline() for _ in range(20)]
        os.kill(writer.pid, signal.SIGKILL)
        seen += writer.stdout.readlines()
    confirmed = int([line for line in seen if line.endswith("\n")][-1])
    found = asyncio.run(read())
    assert found.version in (confirmed, confirmed + 1)
    assert found.notes == (str(found.version),)


def test_every_commit_is_on_disk_before_it_returns(tmp_path: Path, run_entry: MakeRun) -> None:
    async def walk() -> None:
        async with open_journal(sqlite_url(tmp_path)) as journal:
            await journal.begin(run_entry())
            async with journal._engine.connect() as connection:
                pragmas = {
                    name: (await connection.exec_driver_sql(f"pragma {name}")).scalar()
                    for name in ("journal_mode", "synchronous")
                }
            assert pragmas == {"journal_mode": "wal", "synchronous": 2}
            with sqlite3.connect(tmp_path / "history.db") as outside:
                assert outside.execute("select count(*) from job").fetchone() == (6,)

    asyncio.run(walk())


def test_the_old_models_jobs_stand_beside_the_new_ones_in_turn(database_url: str, run_entry: MakeRun) -> None:
    entry = run_entry()
    first, second = entry.cells
    always = replace(entry.plan, baseline=replace(entry.plan.baseline, control="always"))
    old = OldModel(cells=(first,), run_id="before", model=replace(entry.models[0], sha256="9" * 64))
    entry = replace(entry, plan=always, controls=(old,))

    async def walk() -> None:
        async with open_journal(database_url) as journal:
            await journal.begin(entry)
            await journal.add(entry.session_jobs({first: 2}, beside={first}))
            assert (await journal.run(entry.run.id)).controls == (old,)
            jobs = await journal.jobs(entry.run.id)
            turns = [(job.key.repeat, job.key.role) for job in jobs if job.key.cell == first]
            new, beside = "candidate", "control"
            assert turns == [
                *[(1, new), (1, beside), (2, beside), (2, new), (3, new), (3, beside)],
                *[(4, beside), (4, new), (5, new), (5, beside), (6, beside), (6, new)],
            ]
            assert [job.key.role for job in jobs if job.key.cell == second] == [new] * 3
            moved = await journal.move(replace(jobs[1], state=JobState.RESERVED))
            assert [job for job in await journal.jobs(entry.run.id) if job.version] == [moved]
            assert entry.model_of(moved.key) == old.model

    asyncio.run(walk())


def test_durations_are_those_of_the_plans_last_completed_runs(database_url: str, run_entry: MakeRun) -> None:
    def measured(job: JobEntry, seconds: float, **change: object) -> JobEntry:
        job = replace(job, **{"started_at": NOW, "begun_at": NOW + timedelta(seconds=100), **change})
        done = Measured(measurement=Measurement(metrics={}))
        return job.concluded(done, NOW + timedelta(seconds=100 + seconds))

    async def walk() -> None:
        async with open_journal(database_url) as journal:
            for number, state in enumerate([RunState.COMPLETED] * 4 + [RunState.INTERRUPTED]):
                entry = run_entry(f"2026010{number}T000000Z-abcdef")
                first, second, third, *_ = await journal.begin(entry)
                await journal.move(measured(first, 10.0 + number))
                await journal.move(measured(second, 1.0, begun_at=None))
                failed = replace(third, started_at=NOW, begun_at=NOW)
                await journal.move(failed.concluded(Failed(kind=FailureKind.CLOUD, reason=""), NOW))
                await journal.end(replace(entry.run, state=state, exit_code=0, ended_at=NOW))
            later = run_entry("20260109T000000Z-abcdef")
            assert await journal.durations(later.run) == {first.key.cell: (11.0, 12.0, 13.0)}
            assert await journal.durations(replace(later.run, plan="another")) == {}

    asyncio.run(walk())
