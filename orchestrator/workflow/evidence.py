"""What a run has to say for and against each of its cells."""

from collections import defaultdict
from collections.abc import Iterable

from orchestrator.domain.cell import Cell
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.job import JobResult
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.session import Session, sessions_of


def gather_evidence(entry: RunEntry, jobs: Iterable[JobResult]) -> dict[Cell, Evidence]:
    """The evidence of each planned cell: the sessions of this run."""
    of_cell: dict[Cell, list[JobResult]] = defaultdict(list)
    for job in jobs:
        of_cell[job.key.cell].append(job)
    return {cell: Evidence(current=cell_sessions(entry, cell, of_cell[cell])) for cell in entry.cells}


def cell_sessions(entry: RunEntry, cell: Cell, jobs: Iterable[JobResult]) -> tuple[Session, ...]:
    """The cell's sessions in this run, with what is known of their context before any job ran."""
    flags = ", ".join(f"{name}={value}" for name, value in sorted(entry.params(cell).items()))
    return sessions_of(
        cell,
        jobs,
        repeats=entry.plan.repeats,
        run_id=entry.run.id,
        at=entry.run.started_at,
        context={"os": entry.device(cell.device).os, "flags": flags, "bench": entry.run.tool_version},
        model_size_mb=entry.model(cell.model).size_bytes / 1e6,
    )
