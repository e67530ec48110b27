"""By how much a cell's sessions are worse than a baseline: the past's, a pinned run's, or the old model's beside them.

Whichever it is, what comes out is decided by the same lines (decision.py).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from orchestrator.domain.control_rule import LEAST_PAIRS, band_of_pairs, band_of_single_sessions
from orchestrator.domain.decision import Band
from orchestrator.domain.evidence import Comparable, Evidence, serves
from orchestrator.domain.history_rule import (
    LEAST_SESSIONS,
    IsMedian,
    choose_median,
    history_band,
    session_numbers,
)
from orchestrator.domain.metric_logs import in_unit, log_jobs, sign_of
from orchestrator.domain.noise import Logs, resolution_of
from orchestrator.domain.plan import BaselinePolicy, GateRule
from orchestrator.domain.session import Pair, Session

INDEPENDENT_AFTER = timedelta(hours=6)  # sessions nearer in time share what the device and its room do to both


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """`worse` is by how much each session is worse than the centre of the band, in logs.

    `baseline` is that centre, and `step` the clock's, in the metric's unit; `independent` of the sessions count as
    independent of each other; `against` names the baseline in words.
    """

    metric: str
    worse: Logs
    band: Band
    baseline: float
    baseline_sessions: int
    independent: int
    is_median: bool
    step: float
    against: str

    def changes(self, half_width: float = 0.0) -> tuple[float, float]:
        """The sessions' mean change as a fraction, less and more by a half width; negative where the value fell."""
        middle = float(self.worse.mean())
        low, high = sorted(math.expm1(sign_of(self.metric) * (middle + side)) for side in (-half_width, half_width))
        return low, high


def against_history(metric: str, evidence: Evidence, past: Comparable, statistic: str) -> Contrast:
    """Against the past sessions, which all have as many jobs as the current ones."""
    repeats = evidence.current[0].planned
    jobs = log_jobs(past.noise or past.sessions, metric, repeats)
    is_median = choose_median(jobs, statistic)
    step = _clock_step(metric, [*past.noise, *past.sessions, *evidence.current])
    numbers = session_numbers(jobs, is_median)
    band = history_band(numbers, step / in_unit(metric, np.median(numbers)))
    if past.noise:
        band = band.around(_numbers(past.sessions, metric, repeats, is_median))
    return Contrast(
        metric=metric,
        worse=_numbers(evidence.current, metric, repeats, is_median) - band.centre,
        band=band,
        baseline=in_unit(metric, band.centre),
        baseline_sessions=len(past.sessions),
        independent=_independent(evidence.current),
        is_median=bool(is_median),
        step=step,
        against=_told(past),
    )


def against_pinned(history: Contrast, evidence: Evidence, pinned: Sequence[Session], name: str) -> Contrast:
    """Against a run given a name, with the noise of the past sessions: a rolling baseline drifts along with a drift."""
    repeats = evidence.current[0].planned
    band = history.band.around(_numbers(pinned, history.metric, repeats, np.asarray(history.is_median)))
    return replace(
        history,
        worse=history.worse + history.band.centre - band.centre,
        band=band,
        baseline=in_unit(history.metric, band.centre),
        baseline_sessions=len(pinned),
        against=f"the pinned run {name}",
    )


def against_control(metric: str, evidence: Evidence, policy: BaselinePolicy, statistic: str) -> Contrast | None:
    """Against the old model beside each session; None where nothing tells how much such differences scatter.

    Each current session has its partner in the same place.
    """
    repeats, is_median = evidence.current[0].planned, np.asarray(statistic == "median")
    step = _clock_step(metric, [*evidence.current, *evidence.control])
    old = _numbers(evidence.control, metric, repeats, is_median)
    band = _control_band(metric, evidence, policy, is_median, step / in_unit(metric, np.median(old)))
    if band is None:
        return None
    return Contrast(
        metric=metric,
        worse=_numbers(evidence.current, metric, repeats, is_median) - old,
        band=band,
        baseline=in_unit(metric, old.mean()),
        baseline_sessions=len(evidence.control),
        independent=len(evidence.current),
        is_median=bool(is_median),
        step=step,
        against=f"{evidence.old or 'the old model'} beside it",
    )


def tolerance_log(rule: GateRule, baseline: float) -> float:
    """The smallest regression that counts, in logs: by `max_regression` and, where given, by `at_least` of the unit."""
    fraction = max(rule.max_regression or 0.0, (rule.at_least or 0.0) / baseline)
    return math.log1p(fraction) if sign_of(rule.metric) > 0 else -math.log1p(-min(fraction, 1 - 1e-9))


def _numbers(sessions: Sequence[Session], metric: str, repeats: int, is_median: IsMedian) -> Logs:
    return session_numbers(log_jobs(sessions, metric, repeats), is_median)


def _control_band(
    metric: str, evidence: Evidence, policy: BaselinePolicy, is_median: IsMedian, resolution: float
) -> Band | None:
    """The spread of differences: of a model beside itself, else of its earlier sessions, in whatever context."""
    repeats = evidence.current[0].planned
    pairs, past = _equals(metric, evidence, policy), _past(metric, evidence, policy)
    if len(pairs) >= LEAST_PAIRS:
        return band_of_pairs(differences_of(pairs, metric, repeats, is_median), resolution)
    if len(past) < LEAST_SESSIONS:
        return None
    return band_of_single_sessions(history_band(_numbers(past, metric, repeats, is_median), resolution))


def differences_of(pairs: Sequence[Pair], metric: str, repeats: int, is_median: IsMedian) -> Logs:
    """By how much the first session of each pair is worse than the second."""
    first, second = (_numbers(side, metric, repeats, is_median) for side in zip(*pairs, strict=True))
    return np.asarray(first - second)


def knows_control_noise(metric: str, evidence: Evidence, policy: BaselinePolicy) -> bool:
    """Whether it is known how much differences to the old model scatter, so that it can be compared with at all."""
    has_pairs = len(_equals(metric, evidence, policy)) >= LEAST_PAIRS
    return has_pairs or len(_past(metric, evidence, policy)) >= LEAST_SESSIONS


def _equals(metric: str, evidence: Evidence, policy: BaselinePolicy) -> Sequence[Pair]:
    repeats = evidence.current[0].planned
    whole = (pair for pair in evidence.pairs if all(serves(side, metric, repeats) for side in pair))
    return list(whole)[-policy.rolling :]


def _past(metric: str, evidence: Evidence, policy: BaselinePolicy) -> Sequence[Session]:
    repeats = evidence.current[0].planned
    return [found for found in evidence.baseline if serves(found, metric, repeats)][-policy.rolling :]


def _told(past: Comparable) -> str:
    sessions = f"{len(past.sessions)} session{'' if len(past.sessions) == 1 else 's'}"
    return f"the {sessions} since the baseline began anew" if past.noise else f"the last {sessions}"


def _clock_step(metric: str, sessions: Iterable[Session]) -> float:
    return resolution_of(value for session in sessions for value in session.jobs(metric))


def _independent(sessions: Sequence[Session]) -> int:
    last = sessions[0].at
    count = 1
    for session in sessions[1:]:
        if session.at - last >= INDEPENDENT_AFTER:
            count, last = count + 1, session.at
    return count
