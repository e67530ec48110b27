"""What a comparison amounts to: its verdict in words, with all its numbers, whatever it was compared with."""

import math
from dataclasses import dataclass

from orchestrator.domain.contrast import Contrast, tolerance_log
from orchestrator.domain.decision import CONFIRMED_BY, Decision, decide, suspicious
from orchestrator.domain.finding import Cause, Finding, Verdict, undecided
from orchestrator.domain.history_rule import HARD_GATE_SESSIONS
from orchestrator.domain.plan import BaselinePolicy, GateRule, Gating

_COARSE = 0.5  # of the tolerance: what is smaller than the clock's step cannot be seen, nor ruled out


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a comparison is made on: the plan's words, and how many cells are judged in the same gate."""

    policy: BaselinePolicy
    gating: Gating
    cells: int = 1


def decided(rule: GateRule, terms: Terms, contrast: Contrast) -> Finding:
    """The finding of a comparison by a rule; a clock too coarse for the tolerance decides nothing."""
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
