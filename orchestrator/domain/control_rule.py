"""CONTROL: sessions against sessions of the old model, run in turn with them on the same device.

What day and device do to both cancels out, so that only the spread of such differences must be known beforehand.
"""

import math

import numpy as np

from orchestrator.domain.decision import Band
from orchestrator.domain.noise import FLOOR, Logs, robust_spread

LEAST_PAIRS = 8


def band_of_pairs(differences: Logs, resolution: float | Logs = 0.0) -> Band:
    """The band from sessions of a model paired with itself: (..., pairs), at least LEAST_PAIRS to be relied on.

    A difference of equals is symmetric about nothing, so each counts in both directions; the degrees of freedom do not.
    """
    both = np.concatenate([differences, -differences], axis=-1)
    return _around_zero(robust_spread(both, np.maximum(FLOOR, np.asarray(resolution) / 2)), differences.shape[-1])


def band_of_single_sessions(history: Band) -> Band:
    """The band where no pairs are known: a difference of two sessions has twice the variance of one."""
    return _around_zero(math.sqrt(2) * history.spread, history.df + 1)


def _around_zero(spread: Logs, count: int) -> Band:
    return Band(centre=np.zeros_like(spread), spread=spread, df=count - 1, centre_variance=0.0)
