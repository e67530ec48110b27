"""The journal: a run and its jobs, each a row that moves forward by compare-and-set."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.domain.alert import Alert
from orchestrator.domain.cell import Cell
from orchestrator.domain.durations import Durations
from orchestrator.domain.journal import JobEntry, JobState, RunEntry
from orchestrator.domain.report import GateResult
from orchestrator.domain.run import Run, RunState
from orchestrator.errors import BenchError, UsageError
from orchestrator.history.baselines import Baselines
from orchestrator.history.database import open_engine
from orchestrator.history.durations import durations_before
from orchestrator.history.job_reader import JobReader
from orchestrator.history.moves import Moves
from orchestrator.history.outage import outage_proof
from orchestrator.history.rows import (
    ALERTS_DOCUMENT,
    GATES_DOCUMENT,
    RUN_DOCUMENT,
    detached_row,
    job_row,
    read_run,
    run_row,
    tick_key,
)
from orchestrator.history.run_lock import is_run_held, run_held
from orchestrator.history.schema import COMPILE, DETACHED, JOB, RUN

if TYPE_CHECKING:
    from orchestrator.history.compiles import Compiles
    from orchestrator.history.exchange import Exchange
    from orchestrator.history.holds import Holds
    from orchestrator.history.news import NewsDesk
    from orchestrator.history.turns import Turns


class Superseded(BenchError):
    """Somebody else moved this job on; whoever sees this must stop touching it."""


class AlreadyBegun(UsageError):
    """This time of a schedule has its run already, which is `run_id`."""

    def __init__(self, run: Run, run_id: str) -> None:
        tick = run.tick.isoformat(timespec="minutes") if run.tick else ""
        super().__init__(f"{run.plan} has been begun for {tick} already, as run {run_id}")
        self.run_id = run_id


@outage_proof
class Journal(JobReader):
    """Reads and writes rows. Every write is committed before the call returns; none is ever seen half done.

    `baselines` are in the same database, and so is what few commands ask for, imported when they do.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self._moves = Moves(engine)
        self.baselines = Baselines(engine)

    @cached_property
    def compiles(self) -> "Compiles":
        """How far the conversions of runs are logged on the hub."""
        from orchestrator.history.compiles import Compiles

        return Compiles(self._engine)

    @cached_property
    def exchange(self) -> "Exchange":
        """What goes from one database to another."""
        from orchestrator.history.exchange import Exchange

        return Exchange(self._engine)

    @cached_property
    def turns(self) -> "Turns":
        """Whose turn it is in runs that workers carry out."""
        from orchestrator.history.turns import Turns

        return Turns(self._engine)

    @cached_property
    def holds(self) -> "Holds":
        """Which clouds workers leave alone for now."""
        from orchestrator.history.holds import Holds

        return Holds(self._engine)

    @cached_property
    def news(self) -> "NewsDesk":
        """Who was told of what."""
        from orchestrator.history.news import NewsDesk

        return NewsDesk(self._engine)

    def held(self, run_id: str, folder: Path) -> AbstractAsyncContextManager[None]:
        """Holds a run while it is worked on; `folder` has this computer's locks. Raises RunBusy (run_lock.py)."""
        return run_held(self._engine, run_id, folder)

    async def is_held(self, run_id: str, folder: Path) -> bool:
        """Whether a process, here or elsewhere, works on a run."""
        return await is_run_held(self._engine, run_id, folder)

    async def begin(self, entry: RunEntry) -> tuple[JobEntry, ...]:
        """Writes a new run and all its jobs in one transaction.

        Raises AlreadyBegun where the time of a schedule that the run is for has one.
        """
        jobs = entry.jobs()
        try:
            async with self._engine.begin() as connection:
                await connection.execute(RUN.insert(), run_row(entry))
                await _insert(connection, entry.run, jobs)
                if entry.converted:
                    from orchestrator.history.compiles import compile_row

                    await connection.execute(COMPILE.insert(), [compile_row(one) for one in entry.compiles()])
                if entry.run.detached:
                    await connection.execute(DETACHED.insert(), detached_row(entry))
        except IntegrityError:
            tick = entry.run.tick
            if tick is None or (begun := await self.run_of_tick(entry.run.plan, tick)) is None:
                raise
            raise AlreadyBegun(entry.run, begun) from None
        return jobs

    async def run(self, run_id: str) -> RunEntry:
        """A run's entry. Raises UsageError where there is none."""
        found = await self.find(run_id)
        if found is None:
            message = f"there is no run {run_id!r} here ('bench runs' lists them)"
            raise UsageError(message)
        return found

    async def find(self, run_id: str) -> RunEntry | None:
        """A run's entry; None where it was not carried out here, though its sessions may be here."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(sa.select(RUN).where(RUN.c.id == run_id))).one_or_none()
        return None if row is None else read_run(row)

    async def standing(self, run_id: str) -> Run:
        """How a run stands."""
        async with self._engine.connect() as connection:
            found = await connection.execute(sa.select(RUN.c.run).where(RUN.c.id == run_id))
            return RUN_DOCUMENT.read(found.scalar_one())

    async def detached(self) -> set[str]:
        """The ids of all runs that workers carry out, or did."""
        async with self._engine.connect() as connection:
            return set((await connection.execute(sa.select(DETACHED.c.run_id))).scalars())

    async def done(self, run_ids: Iterable[str]) -> dict[str, tuple[int, int]]:
        """How many jobs of each run are done, and how many it has."""
        is_done = sa.case((JOB.c.state == JobState.DONE, 1), else_=0)
        counted = sa.select(JOB.c.run_id, sa.func.sum(is_done).label("done"), sa.func.count().label("all"))
        which = counted.where(JOB.c.run_id.in_(list(run_ids))).group_by(JOB.c.run_id)
        async with self._engine.connect() as connection:
            return {row.run_id: (row.done, row.all) for row in await connection.execute(which)}

    async def runs(self, limit: int | None = None) -> tuple[Run, ...]:
        """The runs, newest first."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(sa.select(RUN.c.run).order_by(RUN.c.id.desc()).limit(limit))
            return tuple(RUN_DOCUMENT.read(row.run) for row in rows)

    async def newest(self, plan: str) -> Run | None:
        """The newest run of a plan, in whatever state."""
        of_plan = sa.select(RUN.c.run).where(RUN.c.plan == plan).order_by(RUN.c.id.desc()).limit(1)
        async with self._engine.connect() as connection:
            found = (await connection.execute(of_plan)).scalar_one_or_none()
        return found and RUN_DOCUMENT.read(found)

    async def run_of_tick(self, plan: str, tick: datetime) -> str | None:
        """The id of a plan's run for a scheduled time."""
        of_tick = sa.select(RUN.c.id).where(RUN.c.tick == tick_key(plan, tick))
        async with self._engine.connect() as connection:
            found: str | None = (await connection.execute(of_tick)).scalar()
        return found

    async def previous(self, run: Run) -> str | None:
        """The id of the last completed run of the same plan before this one."""
        earlier = (RUN.c.plan == run.plan) & (RUN.c.id < run.id) & (RUN.c.state == RunState.COMPLETED)
        async with self._engine.connect() as connection:
            found: str | None = (await connection.execute(sa.select(sa.func.max(RUN.c.id)).where(earlier))).scalar()
        return found

    async def durations(self, run: Run) -> dict[Cell, tuple[float, ...]]:
        """Seconds that devices worked on each cell's jobs in the plan's runs before this one, as far as it was seen."""
        async with self._engine.connect() as connection:
            return await durations_before(connection, run)

    async def add(self, jobs: Sequence[JobEntry]) -> None:
        """Writes further jobs of a run, after those it has. Raises Superseded where one of them is there already."""
        run = await self.standing(jobs[0].run_id)
        try:
            async with self._engine.begin() as connection:
                last = sa.select(sa.func.max(JOB.c.position)).where(JOB.c.run_id == run.id)
                await _insert(connection, run, jobs, behind=(await connection.execute(last)).scalar_one())
        except IntegrityError:
            message = f"run {jobs[0].run_id} was given these jobs by another process"
            raise Superseded(message) from None

    async def move(self, entry: JobEntry) -> JobEntry:
        """Writes a job's next state and gives it back with its new version.

        `entry.version` is still the one it was read with; raises Superseded where the row has another by now.
        """
        moved = replace(entry, version=entry.version + 1)
        row = job_row(moved)
        if not await self._moves.write({**row, "version": entry.version}, row):
            message = f"{entry.key} of run {entry.run_id} was moved on by another process"
            raise Superseded(message)
        return moved

    async def end(
        self,
        run: Run,
        gates: tuple[GateResult, ...] = (),
        alerts: tuple[Alert, ...] = (),
        seen: int | None = None,
    ) -> None:
        """Writes how a run stands now that nobody works on it, what its gates said of what they saw, and the alerts.

        Raises Superseded where somebody else did already.
        """
        judged = {"alerts": ALERTS_DOCUMENT.write(alerts), "seen": seen}
        if not await self._write_run(run, gates, only=RUN.c.state == RunState.RUNNING, **judged):
            message = f"run {run.id} was ended by another process"
            raise Superseded(message)

    async def reopen(self, run: Run) -> Run:
        """Writes that a run is being worked on again."""
        running = replace(run, state=RunState.RUNNING, exit_code=None, ended_at=None)
        await self._write_run(running)
        return running

    async def _write_run(
        self, run: Run, gates: tuple[GateResult, ...] = (), *, only: sa.ColumnElement[bool] | None = None, **more: Any
    ) -> bool:
        documents = {"run": RUN_DOCUMENT.write(run), "gates": GATES_DOCUMENT.write(gates)}
        which = RUN.c.id == run.id if only is None else (RUN.c.id == run.id) & only
        async with self._engine.begin() as connection:
            written = await connection.execute(
                RUN.update().where(which).values({"state": run.state, **documents, **more})
            )
        return written.rowcount == 1


@asynccontextmanager
async def open_journal(url: str) -> AsyncIterator[Journal]:
    """The journal in the database at `url`."""
    async with open_engine(url) as engine:
        yield Journal(engine)


async def _insert(connection: AsyncConnection, run: Run, jobs: Sequence[JobEntry], behind: int = -1) -> None:
    """Writes new jobs behind the place of the last one that is there."""
    durations = Durations(await durations_before(connection, run) if run.detached else None)
    ranks = durations.longest_first([job.key.cell for job in jobs])
    places = [{"position": behind + 1 + place, "rank": behind + 1 + rank} for place, rank in enumerate(ranks)]
    await connection.execute(JOB.insert(), [job_row(job) | place for job, place in zip(jobs, places, strict=True)])
