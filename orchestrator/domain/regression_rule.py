"""A relative rule, `max_regression`: which baseline judges, and what the decision is in words."""

import math
from dataclasses import dataclass

from orchestrator.domain.contrast import Contrast, against_control, against_history, against_pinned, tolerance_log
from orchestrator.domain.decision import CONFIRMED_BY, Decision, decide, suspicious
from orchestrator.domain.evidence import Evidence, choose_baseline, comparable_with
from orchestrator.domain.finding import Cause, Finding, Verdict, undecided, worst_of
from orchestrator.domain.history_rule import HARD_GATE_SESSIONS, LEAST_SESSIONS
from orchestrator.domain.known_change import as_known
from orchestrator.domain.plan import BaselinePolicy, GateRule, Gating
from orchestrator.domain.readiness import unfit

_COARSE = 0.5  # of the tolerance: what is smaller than the clock's step cannot be seen, nor ruled out


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a comparison is made on: the plan's words, and how many cells are judged in the same gate."""

    policy: BaselinePolicy
    gating: Gating
    cells: int = 1


def judge_regression(rule: GateRule, evidence: Evidence, terms: Terms) -> Finding:
    """Judges by HISTORY; by CONTROL where the plan wants it or history cannot tell; and by the pinned run if named."""
    if found := unfit(evidence.current, rule.metric):
        return found
    past = judge_past(rule, evidence, terms)
    pinned = judge_pinned(rule, evidence, terms)
    known = as_known(past, rule, evidence)
    if pinned is None or past.cause in (Cause.CLOCK, Cause.NO_BASELINE):
        return known
    return worst_of([known, as_known(pinned, rule, evidence, pinned=True)])


def judge_past(rule: GateRule, evidence: Evidence, terms: Terms) -> Finding:
    """Judges fit sessions by HISTORY, and by CONTROL where the plan wants it or history cannot tell.

    What people know of the change already plays no part.
    """
    return _with_control(rule, evidence, terms, _by_history(rule, evidence, terms))


def judge_pinned(rule: GateRule, evidence: Evidence, terms: Terms) -> Finding | None:
    """Judges fit sessions by the pinned run, as `judge_past`; None where none is named."""
    return _by_pinned(rule, evidence, terms, terms.policy.pinned) if terms.policy.pinned is not None else None


def _by_history(rule: GateRule, evidence: Evidence, terms: Terms) -> Finding:
    chosen = choose_baseline(evidence, rule.metric, terms.policy)
    if chosen.cause is None:
        return _decided(rule, terms, against_history(rule.metric, evidence, chosen.sessions, terms.gating.statistic))
    values = [value for session in evidence.current for value in session.jobs(rule.metric)]
    return Finding(
        verdict=Verdict(terms.gating.new_cells) if chosen.is_new else Verdict.INCONCLUSIVE,
        cause=chosen.cause,
        reason=chosen.reason,
        value=sorted(values)[len(values) // 2],
        sessions=len(evidence.current),
        baseline_sessions=len(chosen.sessions),
    )


def _with_control(rule: GateRule, evidence: Evidence, terms: Terms, history: Finding) -> Finding:
    is_open = history.verdict is Verdict.INCONCLUSIVE or history.cause is Cause.NO_BASELINE
    is_wanted = terms.policy.control == "always" or (terms.policy.control == "auto" and is_open)
    if not is_wanted or history.cause is Cause.CLOCK:
        return history
    if len(evidence.control) == len(evidence.current):
        return _by_control(rule, evidence, terms)
    if terms.policy.control == "auto" or history.cause is Cause.NO_BASELINE:
        return history
    return undecided(Cause.MISSING, "the plan wants the old model run beside the new one, and it was not")


def _by_control(rule: GateRule, evidence: Evidence, terms: Terms) -> Finding:
    if found := unfit(evidence.control, rule.metric):
        return undecided(Cause.MISSING, f"the old model beside it: {found.reason}")
    contrast = against_control(rule.metric, evidence, terms.policy, terms.gating.statistic)
    if contrast is None:
        told = f"nothing tells how much this device scatters: that takes {LEAST_SESSIONS} sessions or 'bench calibrate'"
        return undecided(Cause.NO_NOISE_ESTIMATE, told)
    return _decided(rule, terms, contrast)


def _by_pinned(rule: GateRule, evidence: Evidence, terms: Terms, name: str) -> Finding:
    pinned = comparable_with(evidence.current[0], evidence.pinned, rule.metric)
    if not pinned:
        known = "was taken in another context" if evidence.pinned else "is not stored"
        return undecided(Cause.NOT_COMPARABLE, f"the pinned run {name} {known} for this cell")
    chosen = choose_baseline(evidence, rule.metric, terms.policy)
    if chosen.cause is not None:
        return undecided(chosen.cause, f"no noise to judge the pinned run {name} with: {chosen.reason}")
    history = against_history(rule.metric, evidence, chosen.sessions, terms.gating.statistic)
    return _decided(rule, terms, against_pinned(history, evidence, pinned, name))


def _decided(rule: GateRule, terms: Terms, contrast: Contrast) -> Finding:
    tolerance = tolerance_log(rule, contrast.baseline)
    change, _ = contrast.changes()
    value = contrast.baseline * (1 + change)
    if contrast.step / contrast.baseline > _COARSE * math.expm1(tolerance):
        told = f"values come in steps of {contrast.step:g}, {contrast.step / contrast.baseline:.1%} of the baseline"
        return undecided(Cause.CLOCK, f"the clock is too coarse: {told}", value=value)
    verdict, cause, reason = _verdict(contrast, tolerance, terms.cells)
    low, high = contrast.changes(float(contrast.band.half_width(contrast.independent)))
    return Finding(
        verdict=verdict,
        cause=cause,
        reason=reason,
        value=value,
        baseline=contrast.baseline,
        change=change,
        low=low,
        high=high,
        sensitivity=contrast.band.sensitivity,
        sessions=len(contrast.worse),
        baseline_sessions=contrast.baseline_sessions,
        statistic="median" if contrast.is_median else "best",
    )


def _verdict(contrast: Contrast, tolerance: float, cells: int) -> tuple[Verdict, Cause | None, str]:
    worse, band, against = contrast.worse, contrast.band, contrast.against
    shown = int(suspicious(worse, band, tolerance).sum())
    told = f"worse than {against} by the tolerance and beyond the noise in {shown} of {_sessions(len(worse))}"
    match decide(worse, band, tolerance, independent=contrast.independent, cells=cells):
        case Decision.FAIL if band.df + 1 < HARD_GATE_SESSIONS:
            young = f"but a gate fails on {HARD_GATE_SESSIONS} baseline sessions at least, not {band.df + 1}"
            return Verdict.INCONCLUSIVE, Cause.YOUNG_BASELINE, f"{told}; {young}"
        case Decision.FAIL:
            return Verdict.FAIL, None, told
        case Decision.PASS:
            return Verdict.PASS, None, f"a regression of the tolerance against {against} is ruled out"
    if shown:
        return Verdict.INCONCLUSIVE, Cause.SUSPICIOUS, f"{told}; {_needed(shown, cells)}"
    doubt = f"against {against} neither a regression of the tolerance nor its absence is certain"
    return Verdict.INCONCLUSIVE, Cause.UNDECIDED, doubt


def _needed(shown: int, cells: int) -> str:
    if shown < CONFIRMED_BY:
        return "it takes two to be sure"
    return f"all sessions together do not show it surely enough for a gate of {cells} cells"


def _sessions(count: int) -> str:
    return f"{count} session{'' if count == 1 else 's'}"
