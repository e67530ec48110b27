"""How long devices worked on the jobs of earlier runs: read from their attempts, of which little else is looked at."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.domain.cell import Cell
from orchestrator.domain.run import Run, RunState
from orchestrator.history.document import Document
from orchestrator.history.schema import JOB, RUN

RUNS = 3  # so many of the plan's last runs are looked at


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    ended_at: datetime
    outcome: Mapping[str, Any]
    begun_at: datetime | None = None

    @property
    def took_s(self) -> float | None:
        """Seconds on the device; None where it measured nothing, or its beginning was not seen."""
        is_measured = "measurement" in self.outcome
        return (self.ended_at - self.begun_at).total_seconds() if is_measured and self.begun_at else None


@dataclass(frozen=True, kw_only=True)
class _Entry:
    attempts: tuple[_Attempt, ...] = ()


_ENTRY = Document(_Entry)


async def durations_before(connection: AsyncConnection, run: Run) -> dict[Cell, tuple[float, ...]]:
    """Seconds that jobs of each cell took in the last completed runs of this run's plan, oldest first."""
    earlier = (RUN.c.plan == run.plan) & (RUN.c.id < run.id) & (RUN.c.state == RunState.COMPLETED)
    last = sa.select(RUN.c.id).where(earlier).order_by(RUN.c.id.desc()).limit(RUNS)
    ids = (await connection.execute(last)).scalars().all()
    columns = (JOB.c.model, JOB.c.device, JOB.c.variant, JOB.c.entry)
    found: dict[Cell, list[float]] = defaultdict(list)
    for row in await connection.execute(sa.select(*columns).where(JOB.c.run_id.in_(ids)).order_by(JOB.c.run_id)):
        taken = (attempt.took_s for attempt in _ENTRY.read(row.entry).attempts)
        found[Cell(model=row.model, device=row.device, variant=row.variant)] += [s for s in taken if s is not None]
    return {cell: tuple(seconds) for cell, seconds in found.items() if seconds}
