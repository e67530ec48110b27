"""What the journal's rows hold, from the values and back: `schema.py` has the columns."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from orchestrator.domain.alert import Alert
from orchestrator.domain.journal import JobEntry, RunEntry
from orchestrator.domain.report import GateResult
from orchestrator.domain.run import Run
from orchestrator.history.document import Document

RUN_DOCUMENT = Document(Run)
GATES_DOCUMENT = Document(tuple[GateResult, ...])
ALERTS_DOCUMENT = Document(tuple[Alert, ...])
_RUN_ENTRY = Document(RunEntry)
_JOB_ENTRY = Document(JobEntry)


def read_run(row: Any) -> RunEntry:
    """A run's entry from its row."""
    return replace(
        _RUN_ENTRY.read(row.entry),
        run=RUN_DOCUMENT.read(row.run),
        gates=GATES_DOCUMENT.read(row.gates),
        alerts=ALERTS_DOCUMENT.read(row.alerts),
        seen=row.seen,
    )


def read_job(text: str) -> JobEntry:
    """A job's entry. What its last attempt came to is told twice in the text, and is in memory once."""
    job = _JOB_ENTRY.read(text)
    if not job.attempts or job.attempts[-1].outcome != job.outcome:
        return job
    return replace(job, outcome=job.attempts[-1].outcome)


def run_row(entry: RunEntry) -> dict[str, Any]:
    """A new run's row."""
    run = entry.run
    documents = {
        "run": RUN_DOCUMENT.write(run),
        "entry": _RUN_ENTRY.write(replace(entry, gates=(), alerts=())),
        "gates": GATES_DOCUMENT.write(entry.gates),
    }
    tick = tick_key(run.plan, run.tick) if run.tick else None
    return {"id": run.id, "plan": run.plan, "state": run.state, "tick": tick, **documents}


def tick_key(plan: str, tick: datetime) -> str:
    """What no two runs of a plan for the same scheduled time can both have."""
    return f"{plan} @ {tick.astimezone(UTC).isoformat()}"


def detached_row(entry: RunEntry) -> dict[str, Any]:
    """The row of a run that workers carry out."""
    limits = entry.plan.limits
    run = {"run_id": entry.run.id, "cloud": entry.run.cloud}
    return {**run, "in_flight": limits.in_flight, "per_device": limits.per_device}


def job_row(entry: JobEntry) -> dict[str, Any]:
    """A job's row, but for its place in the run."""
    cell = entry.key.cell
    return {
        "run_id": entry.run_id,
        "model": cell.model,
        "device": cell.device,
        "variant": cell.variant,
        "repeat": entry.key.repeat,
        "control": entry.key.control,
        "state": entry.state,
        "version": entry.version,
        "entry": _JOB_ENTRY.write(entry),
    }
