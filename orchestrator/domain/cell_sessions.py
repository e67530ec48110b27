"""A cell's jobs as sessions: what each came to, and what it was measured under."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from orchestrator.domain.cell import Cell
from orchestrator.domain.cell_report import report_cell
from orchestrator.domain.job import JobResult
from orchestrator.domain.measurement import Measurement
from orchestrator.domain.outcome import Skipped
from orchestrator.domain.session import CONTEXT_CONDITIONS, Session


def sessions_of(
    cell: Cell,
    jobs: Iterable[JobResult],
    *,
    repeats: int,
    run_id: str,
    at: datetime,
    context: Mapping[str, str],
    model_size_mb: float | None = None,
) -> tuple[Session, ...]:
    """The sessions of a cell in one run: its repeats 1 to `repeats` are the first, as many further ones the next.

    `at` stands for the time of a session none of whose jobs began. `context` is what the run knows beforehand; what
    the jobs tell of theirs is added. `model_size_mb` is the model's size where no job tells it.
    """
    by_number: dict[int, list[JobResult]] = defaultdict(list)
    for job in jobs:
        by_number[(job.key.repeat - 1) // repeats + 1].append(job)
    return tuple(
        _session(cell, number, found, repeats, run_id, at, context, model_size_mb)
        for number, found in sorted(by_number.items())
    )


def _session(
    cell: Cell,
    number: int,
    jobs: Sequence[JobResult],
    repeats: int,
    run_id: str,
    at: datetime,
    context: Mapping[str, str],
    model_size_mb: float | None,
) -> Session:
    measured = [job.measured.measurement for job in jobs if job.measured]
    values = _values(measured)
    if model_size_mb and measured:
        values.setdefault("model_size_mb", (model_size_mb,) * len(measured))
    report = report_cell(cell, jobs)
    return Session(
        cell=cell,
        run_id=run_id,
        number=number,
        at=min((attempt.started_at for job in jobs for attempt in job.attempts), default=at),
        planned=max(repeats, len(jobs)),
        values=values,
        iterations=_iterations(measured),
        missing=tuple(_why(job) for job in jobs if not job.measured),
        context={**context, **_conditions(measured)},
        trust=report.trust,
        reasons=report.reasons,
        profiled=any(measurement.profiled for measurement in measured),
        units={found.layer.name: found.layer.compute_unit for found in report.layers},
        unit_shares=report.unit_shares,
        why=next((job.why for job in jobs if job.why), ""),
    )


def _values(measured: Iterable[Measurement]) -> dict[str, tuple[float, ...]]:
    found: dict[str, list[float]] = defaultdict(list)
    for measurement in measured:
        for name, metric in measurement.metrics.items():
            if math.isfinite(metric.value) and metric.value > 0:
                found[name].append(metric.value)
    return {name: tuple(values) for name, values in found.items()}


def _iterations(measured: Iterable[Measurement]) -> dict[str, int]:
    fewest: dict[str, int] = {}
    for measurement in measured:
        for name, metric in measurement.metrics.items():
            n = metric.n or 0
            fewest[name] = min(fewest.get(name, n), n)
    return fewest


def _conditions(measured: Sequence[Measurement]) -> dict[str, str]:
    """What the jobs were taken under; where they differ, all that was met, so that such a mix equals only itself."""
    told = [{"runtime": found.runtime, **found.conditions} for found in measured]
    merged = {
        name: " / ".join(sorted({conditions[name] for conditions in told if conditions.get(name)}))
        for name in ("runtime", *CONTEXT_CONDITIONS)
    }
    return {name: value for name, value in merged.items() if value}


def _why(job: JobResult) -> str:
    if job.failed:
        return f"job #{job.key.repeat} has no result ({job.failed.kind}: {job.failed.reason})"
    reason = job.outcome.reason if isinstance(job.outcome, Skipped) else "no outcome"
    return f"job #{job.key.repeat} has no result (skipped: {reason})"
