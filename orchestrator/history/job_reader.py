"""Reads jobs from the journal: a run's, in whole or in part, and all that may be on a device."""

from collections.abc import Collection, Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.domain.cell import Cell
from orchestrator.domain.journal import ON_THE_CLOUD, JobEntry, JobState
from orchestrator.domain.run import RunState
from orchestrator.history.outage import outage_proof
from orchestrator.history.rows import RUN_DOCUMENT, read_job
from orchestrator.history.schema import JOB, RUN

JOBS_AT_ONCE, CELLS_AT_ONCE = 500, 100  # whose text is in memory


@outage_proof
class JobReader:
    """The jobs as they were last committed."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def jobs(self, run_id: str) -> tuple[JobEntry, ...]:
        """All jobs of a run, in the order they were planned."""
        of_run, jobs = sa.select(JOB.c.entry).where(JOB.c.run_id == run_id).order_by(JOB.c.position), list[JobEntry]()
        async with self._engine.connect() as connection:
            while rows := (await connection.execute(of_run.offset(len(jobs)).limit(JOBS_AT_ONCE))).scalars().all():
                jobs += map(read_job, rows)
        return tuple(jobs)

    async def jobs_of(self, run_id: str, cells: Collection[Cell]) -> tuple[JobEntry, ...]:
        """The jobs of some of a run's cells, those of each cell in the order they were planned."""
        names, jobs = [(cell.model, cell.device, cell.variant) for cell in cells], list[JobEntry]()
        of_run = sa.select(JOB.c.entry).where(JOB.c.run_id == run_id).order_by(JOB.c.position)
        async with self._engine.connect() as connection:
            for first in range(0, len(names), CELLS_AT_ONCE):
                is_asked = sa.tuple_(JOB.c.model, JOB.c.device, JOB.c.variant).in_(names[first : first + CELLS_AT_ONCE])
                jobs += map(read_job, (await connection.execute(of_run.where(is_asked))).scalars())
        return tuple(jobs)

    async def jobs_on(self, cloud: str, device: str) -> tuple[JobEntry, ...]:
        """The jobs, of all runs, that may be queued or running on a device of a cloud now."""
        going_on = sa.select(RUN.c.run).where(RUN.c.state != RunState.COMPLETED)
        there = (JOB.c.device == device) & JOB.c.state.in_(ON_THE_CLOUD)
        async with self._engine.connect() as connection:
            runs = map(RUN_DOCUMENT.read, (await connection.execute(going_on)).scalars())
            of_runs = JOB.c.run_id.in_([run.id for run in runs if run.cloud == cloud])
            rows = await connection.execute(sa.select(JOB.c.entry).where(of_runs & there))
            return tuple(map(read_job, rows.scalars()))

    async def job(self, run_id: str, position: int) -> JobEntry:
        """The job in that place of the run's order. Raises KeyError."""
        found = await self.jobs_at(run_id, [position])
        return found[position]

    async def jobs_at(self, run_id: str, positions: Iterable[int]) -> dict[int, JobEntry]:
        """The jobs in those places of the run's order."""
        wanted = (JOB.c.run_id == run_id) & JOB.c.position.in_(list(positions))
        async with self._engine.connect() as connection:
            rows = await connection.execute(sa.select(JOB.c.position, JOB.c.entry).where(wanted))
            return {row.position: read_job(row.entry) for row in rows}

    async def versions(self, run_id: str) -> dict[int, int]:
        """The version of each of the run's jobs, by its place: it grows with each change."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(sa.select(JOB.c.position, JOB.c.version).where(JOB.c.run_id == run_id))
            return {row.position: row.version for row in rows}

    async def some_done(self, run_id: str, limit: int) -> tuple[JobEntry, ...]:
        """A few jobs of the run that are done."""
        done = (JOB.c.run_id == run_id) & (JOB.c.state == JobState.DONE)
        async with self._engine.connect() as connection:
            rows = await connection.execute(sa.select(JOB.c.entry).where(done).limit(limit))
            return tuple(read_job(row.entry) for row in rows)
