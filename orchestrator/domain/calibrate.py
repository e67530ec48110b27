"""How much a device scatters when nothing changes, and the tightest tolerance that it can hold.

The sessions are of one model in one context: it was measured against itself.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.domain.contrast import differences_of
from orchestrator.domain.control_rule import band_of_pairs
from orchestrator.domain.history_rule import (
    HARD_GATE_SESSIONS,
    LEAST_SESSIONS,
    IsMedian,
    choose_median,
    history_band,
    session_numbers,
)
from orchestrator.domain.metric_logs import log_jobs
from orchestrator.domain.noise import Logs, resolution_of, robust_spread
from orchestrator.domain.session import Pair, Session

TIGHTEST = 0.05
SAFETY = 2.0  # a slow-down of the tolerance is found half of the time, one of twice as much nearly always
_LEAST_JOBS = 2


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A cell's noise, as fractions (standard deviations of logs).

    `within_jobs`: of the iterations of a job, None where jobs do not tell it; `between_jobs`: of the jobs of a session,
    None with one job; `between_sessions`: of what sessions amount to by `statistic`. `sensitivity`: the smallest
    change that one session could show, and `beside` with the old model beside it (None with fewer than five such
    pairs); `tolerance`: the tightest that this farm can hold.
    """

    metric: str
    sessions: int
    jobs: int
    within_jobs: float | None
    between_jobs: float | None
    between_sessions: float
    statistic: str
    sensitivity: float
    beside: float | None
    tolerance: float

    @property
    def is_sure(self) -> bool:
        """Whether there are enough sessions for the proposal to be relied on."""
        return self.sessions >= HARD_GATE_SESSIONS


def calibrate(
    sessions: Sequence[Session], metric: str, statistic: str = "auto", pairs: Sequence[Pair] = ()
) -> Calibration | None:
    """The noise of a latency metric over these sessions and pairs; None where fewer than five sessions have it."""
    given = [session for session in sessions if session.jobs(metric)]
    if len(given) < LEAST_SESSIONS:
        return None
    jobs = log_jobs(given, metric, min(len(session.jobs(metric)) for session in given))
    is_median = choose_median(jobs, statistic)
    numbers = session_numbers(jobs, is_median)
    values = [value for session in given for value in session.jobs(metric)]
    band = history_band(numbers, resolution_of(values) / float(np.median(values)))
    return Calibration(
        metric=metric,
        sessions=len(given),
        jobs=jobs.size,
        within_jobs=_within_jobs(given),
        between_jobs=_between_jobs(jobs),
        between_sessions=float(robust_spread(numbers, 0.0)),
        statistic="median" if is_median else "best",
        sensitivity=band.sensitivity,
        beside=_beside(pairs, metric, jobs.shape[-1], np.asarray(statistic == "median")),
        tolerance=_whole_percent(max(TIGHTEST, SAFETY * band.sensitivity)),
    )


def _beside(pairs: Sequence[Pair], metric: str, jobs: int, is_median: IsMedian) -> float | None:
    given = [pair for pair in pairs if all(len(side.jobs(metric)) >= jobs for side in pair)]
    if len(given) < LEAST_SESSIONS:
        return None
    return band_of_pairs(differences_of(given, metric, jobs, is_median)).sensitivity


def _within_jobs(sessions: Sequence[Session]) -> float | None:
    pairs = (zip(found.jobs("latency_std_ms"), found.jobs("latency_ms"), strict=False) for found in sessions)
    ratios = [deviation / mean for session in pairs for deviation, mean in session]
    return float(np.median(ratios)) if ratios else None


def _between_jobs(jobs: Logs) -> float | None:
    """The root of the sessions' mean variance: what they differ from each other is no part of it."""
    return float(np.sqrt(jobs.var(axis=-1, ddof=1).mean())) if jobs.shape[-1] >= _LEAST_JOBS else None


def _whole_percent(fraction: float) -> float:
    """Rounded up."""
    return math.ceil(fraction * 100 - 1e-9) / 100
