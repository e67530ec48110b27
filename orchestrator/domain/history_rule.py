"""HISTORY: sessions against earlier sessions of the same cell. Arrays of logarithms, jobs on the last axis.

A session is one number, however many jobs it had: its best, because noise on a device mostly adds time, or its median
where jobs can also be faster by chance. Which of the two is settled by the baseline alone, never by what is judged.
"""

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.decision import MEDIAN_VARIANCE, Band
from orchestrator.domain.noise import FLOOR, Logs, medians, robust_spread

LEAST_SESSIONS = 5
HARD_GATE_SESSIONS = 8  # with fewer, a baseline is too young to fail a gate
_CLEARLY_LESS = 0.9

IsMedian = NDArray[np.bool_]


def choose_median(baseline_jobs: Logs, statistic: str = "auto") -> IsMedian:
    """Whether sessions stand for their median: (..., sessions, jobs) -> (...). `statistic`: auto, best or median."""
    if statistic != "auto":
        return np.full(baseline_jobs.shape[:-2], statistic == "median")
    of_medians = robust_spread(medians(baseline_jobs))
    return np.asarray(of_medians < _CLEARLY_LESS * robust_spread(baseline_jobs.min(axis=-1)))


def session_numbers(jobs: Logs, is_median: IsMedian) -> Logs:
    """Each session's number: (..., sessions, jobs) -> (..., sessions)."""
    return np.asarray(np.where(is_median[..., None], medians(jobs), jobs.min(axis=-1)))


def history_band(baseline: Logs, resolution: float | Logs = 0.0) -> Band:
    """The band of baseline sessions: (..., sessions). `resolution`: the clock's step as a fraction of their median."""
    floor = np.maximum(FLOOR, np.asarray(resolution) / 2)
    count = baseline.shape[-1]
    return Band(
        centre=medians(baseline),
        spread=robust_spread(baseline, floor),
        df=count - 1,
        centre_variance=MEDIAN_VARIANCE / count,
    )
