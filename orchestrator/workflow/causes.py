"""What likely made a cell slower: its layers beside those of the newest session that it was judged by."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from orchestrator.domain.cell import Cell
from orchestrator.domain.cell_report import report_cell
from orchestrator.domain.evidence import Evidence, choose_baseline
from orchestrator.domain.finding import Cause, Verdict
from orchestrator.domain.job import JobResult
from orchestrator.domain.layer_cause import likely_cause
from orchestrator.domain.layer_match import compare_layers
from orchestrator.domain.measurement import Layer
from orchestrator.domain.plan import BaselinePolicy
from orchestrator.domain.report import GateResult
from orchestrator.history.journal import Journal

_DOUBTFUL = (Cause.SUSPICIOUS, Cause.YOUNG_BASELINE)
_Jobs = Mapping[str, Sequence[JobResult]]  # of each run, by its id


async def with_causes(
    gates: Sequence[GateResult],
    policy: BaselinePolicy,
    jobs: Sequence[JobResult],
    evidence: Mapping[Cell, Evidence],
    journal: Journal,
) -> tuple[GateResult, ...]:
    """The gates, those on a latency that seems worse with the likely cause, as far as layers tell one.

    `jobs` are those of the run that is judged.
    """
    told = {gate: _before(gate, evidence.get(gate.cell), policy) for gate in gates if _is_worse(gate)}
    asked = defaultdict[str, set[Cell]](set)
    for gate, before in told.items():
        asked[before].add(gate.cell)
    past: _Jobs = {
        run: [job.result() for job in await journal.jobs_of(run, cells)] for run, cells in sorted(asked.items()) if run
    }
    return await asyncio.to_thread(_with_causes, gates, told, jobs, past)


def _is_worse(gate: GateResult) -> bool:
    is_shown = gate.verdict in (Verdict.FAIL, Verdict.WARN) and not gate.is_open
    is_compared = gate.change is not None and gate.metric.startswith("latency_")
    return is_compared and (is_shown or gate.cause in _DOUBTFUL)


def _before(gate: GateResult, evidence: Evidence | None, policy: BaselinePolicy) -> str:
    """The run whose layers to compare with, "" for this one: the old model ran beside the new."""
    if evidence is None or not evidence.current or evidence.control:
        return ""
    sessions = choose_baseline(evidence, gate.metric, policy).sessions or evidence.pinned
    return sessions[-1].run_id if sessions else ""


def _with_causes(
    gates: Sequence[GateResult], told: Mapping[GateResult, str], jobs: Sequence[JobResult], past: _Jobs
) -> tuple[GateResult, ...]:
    return tuple(_with_cause(gate, jobs, past.get(told[gate], jobs)) if gate in told else gate for gate in gates)


def _with_cause(gate: GateResult, now: Sequence[JobResult], before: Sequence[JobResult]) -> GateResult:
    changes = compare_layers(_layers(gate.cell, now), _layers(gate.cell, before, control=before is now))
    return replace(gate, likely=likely_cause(changes, gate.change))


def _layers(cell: Cell, jobs: Iterable[JobResult], *, control: bool = False) -> list[Layer]:
    own = [job for job in jobs if job.key.cell == cell and job.key.control is control]
    return [found.layer for found in report_cell(cell, own).layers]
