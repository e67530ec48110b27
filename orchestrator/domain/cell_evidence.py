"""What stands beside each cell's number: what its sessions came to, and the smallest change that one could show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from orchestrator.domain.cell import Cell
from orchestrator.domain.contrast import Contrast, against_control, against_history
from orchestrator.domain.evidence import Evidence, choose_baseline
from orchestrator.domain.finding import Cause
from orchestrator.domain.plan import BaselinePolicy, Plan
from orchestrator.domain.readiness import unfit
from orchestrator.domain.report import CellReport, SessionReport
from orchestrator.domain.session import Session


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """`change` is a fraction, None where nothing can be said; `reason` says what it rests on, or why there is none.

    `statistic` is what a session of the cell amounts to: the best of its jobs, or their median.
    """

    change: float | None
    reason: str
    statistic: str


def with_evidence(
    cells: Iterable[CellReport], metric: str, evidence: Mapping[Cell, Evidence], plan: Plan
) -> tuple[CellReport, ...]:
    """The cells with the evidence behind their metric; those without any as they are."""
    return tuple(
        _with_evidence(found, metric, evidence[found.cell], plan) if found.cell in evidence else found
        for found in cells
    )


def _with_evidence(found: CellReport, metric: str, evidence: Evidence, plan: Plan) -> CellReport:
    sensitivity = sensitivity_of(evidence, metric, plan.baseline, plan.gating.statistic)
    control = {session.number: session for session in evidence.control}
    return replace(
        found,
        sessions=tuple(
            _session(session, control.get(session.number), metric, sensitivity.statistic)
            for session in evidence.current
        ),
        sensitivity=sensitivity.change,
        sensitivity_reason=sensitivity.reason,
    )


def sensitivity_of(evidence: Evidence, metric: str, policy: BaselinePolicy, statistic: str) -> Sensitivity:
    """By the noise that the gates would judge the cell with: of the old model beside it, else of its past sessions."""
    unknown = "median" if statistic == "median" else "best"
    if found := unfit(evidence.current, metric):
        reason = "not every job gave a result" if found.cause is Cause.MISSING else found.reason
        return Sensitivity(change=None, reason=reason, statistic=unknown)
    contrast, reason = _contrast(evidence, metric, policy, statistic)
    if contrast is None:
        return Sensitivity(change=None, reason=reason, statistic=unknown)
    chosen = "median" if contrast.is_median else "best"
    return Sensitivity(change=contrast.band.sensitivity, reason=f"against {contrast.against}", statistic=chosen)


def _contrast(evidence: Evidence, metric: str, policy: BaselinePolicy, statistic: str) -> tuple[Contrast | None, str]:
    """The comparison that tells the noise; without one, why."""
    paired = evidence.beside
    if policy.control != "never" and paired.control and not unfit(paired.control, metric):
        beside = against_control(metric, paired, policy, statistic)
        if beside is not None:
            return beside, ""
    chosen = choose_baseline(evidence, metric, policy)
    if chosen.cause is not None:
        return None, chosen.reason
    return against_history(metric, evidence, chosen, statistic), ""


def _session(session: Session, control: Session | None, metric: str, statistic: str) -> SessionReport:
    report = SessionReport(
        number=session.number,
        planned=session.planned,
        measured=session.planned - len(session.missing),
        trust=session.trust,
        reasons=session.reasons,
        statistic=statistic,
        why=session.why,
    )
    if control is not None:
        measured = control.planned - len(control.missing)
        report = replace(report, beside_planned=control.planned, beside_measured=measured)
        report = replace(report, beside=_amount(control.jobs(metric), statistic))
    jobs = session.jobs(metric)
    return replace(report, value=_amount(jobs, statistic), low=min(jobs, default=None), high=max(jobs, default=None))


def _amount(jobs: Sequence[float], statistic: str) -> float | None:
    if not jobs:
        return None
    return float(np.median(jobs)) if statistic == "median" else min(jobs)
