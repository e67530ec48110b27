"""What a rule finds in a cell's evidence: a verdict with its numbers, its reason, and what keeps it from being sure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Verdict(StrEnum):
    """A rule's answer for a cell, from the worst to the best."""

    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    WARN = "warn"
    PASS = "pass"


class Cause(StrEnum):
    """Why a rule could not decide, or is not sure; programs read these words."""

    MISSING = "missing"
    TOO_FEW_JOBS = "too_few_jobs"
    TOO_FEW_ITERATIONS = "too_few_iterations"
    CLOCK = "clock"
    NOT_INDEPENDENT = "not_independent"
    NO_BASELINE = "no_baseline"
    NOT_COMPARABLE = "not_comparable"
    STALE = "stale"
    YOUNG_BASELINE = "young_baseline"
    NO_NOISE_ESTIMATE = "no_noise_estimate"
    SUSPICIOUS = "suspicious"
    UNDECIDED = "undecided"
    MARGINAL = "marginal"
    MOVED = "moved"
    ACKNOWLEDGED = "acknowledged"
    ACCEPTED = "accepted"

    @property
    def needs_sessions(self) -> bool:
        """Whether further sessions of the cell may settle it."""
        return self in (Cause.SUSPICIOUS, Cause.UNDECIDED, Cause.MARGINAL, Cause.TOO_FEW_JOBS)

    @property
    def needs_control(self) -> bool:
        """Whether the past cannot tell, and the old model beside further sessions may."""
        return self in (Cause.NO_BASELINE, Cause.NOT_COMPARABLE, Cause.STALE)

    @property
    def leaves_open(self) -> bool:
        """Whether nothing was decided, rather than decided with a doubt or a remark."""
        return self not in (Cause.MARGINAL, Cause.MOVED, Cause.ACKNOWLEDGED, Cause.ACCEPTED)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule's answer with its evidence.

    `value` and `baseline` have the metric's unit; `change`, the interval `low` to `high` around it and `sensitivity`
    (the smallest change that one session could show) are fractions. `sessions` and `baseline_sessions` count what the
    answer rests on; `statistic` is what a session's jobs amounted to, best or median.
    """

    verdict: Verdict
    reason: str
    cause: Cause | None = None
    value: float | None = None
    baseline: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    sensitivity: float | None = None
    sessions: int = 0
    baseline_sessions: int = 0
    statistic: str = ""

    def softened(self, reason: str) -> "Finding":
        """The same as a warning."""
        return replace(self, verdict=Verdict.WARN, reason=reason)


_NUMBERS = ("value", "baseline", "change", "low", "high", "sensitivity")


def undecided(cause: Cause, reason: str, *, value: float | None = None) -> Finding:
    """No verdict, because of that."""
    return Finding(verdict=Verdict.INCONCLUSIVE, cause=cause, reason=reason, value=value)


def worst_of(findings: Iterable[Finding]) -> Finding:
    """One finding of several about the same rule and cell: the worst, with every reason but those of what passed.

    Numbers that the worst does not have are taken from the others.
    """
    worst, *others = sorted(findings, key=lambda found: list(Verdict).index(found.verdict))
    for other in others:
        gaps = {name: getattr(other, name) for name in _NUMBERS if getattr(worst, name) is None}
        reason = (
            worst.reason if other.verdict is Verdict.PASS is not worst.verdict else f"{worst.reason}; {other.reason}"
        )
        worst = replace(worst, reason=reason, **gaps)
    return worst
