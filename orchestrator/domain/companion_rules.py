"""What the best of a session's jobs cannot see: a regression that hits the slow end, or only some of the jobs.

Both need no further jobs. Arrays of logarithms.
"""

import math

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.decision import Band
from orchestrator.domain.history_rule import history_band
from orchestrator.domain.noise import Logs

SLOW = math.log(1.15)  # a job is slow that takes this much longer than the usual best
RARE = 0.01


def tail_band(baseline_jobs: Logs) -> Band:
    """The band of sessions' tails, of which each is the median over its jobs: (..., sessions, jobs)."""
    return history_band(np.median(baseline_jobs, axis=-1))


def tail_shift(jobs: Logs, band: Band) -> Logs:
    """How far the tail lies above the band's centre: the median over all jobs (..., jobs)."""
    return np.asarray(np.median(jobs, axis=-1) - band.centre)


def has_longer_tail(jobs: Logs, band: Band, tolerance: float) -> NDArray[np.bool_]:
    """Whether the tail is longer by the tolerance and beyond the noise."""
    shift = tail_shift(jobs, band)
    return np.asarray((shift >= tolerance) & (shift > band.half_width()))


def slow_jobs(jobs: Logs, baseline_jobs: Logs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many of the jobs (..., jobs) and of the baseline's (..., sessions, jobs) are slow."""
    limit = np.median(baseline_jobs.min(axis=-1), axis=-1) + SLOW
    return (jobs > limit[..., None]).sum(axis=-1), (baseline_jobs > limit[..., None, None]).sum(axis=(-1, -2))


def chance_of_slow_jobs(slow: int, jobs: int, baseline_slow: int, baseline_jobs: int) -> float:
    """The probability of so many slow jobs or more, if they fell among all jobs at random (Fisher's exact test)."""
    everyone, all_slow = jobs + baseline_jobs, slow + baseline_slow
    ways = sum(
        math.comb(all_slow, k) * math.comb(everyone - all_slow, jobs - k) for k in range(slow, min(jobs, all_slow) + 1)
    )
    return ways / math.comb(everyone, jobs)
