"""How far numbers scatter, and how finely their clock could tell them apart. All arrays hold logarithms."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Logs = NDArray[np.float64]

FLOOR = 0.005  # no noise estimate below half a percent: few or rounded values can have no spread at all
_FINEST_DECIMALS = 6
_ALIKE = 1e-12  # of the value: what binary fractions differ from decimal ones by
_MAD, _QUARTILES, _DECILES = 1.4826, 1.349, 2.563  # each makes its range a normal distribution's standard deviation


def robust_spread(logs: Logs, floor: float | Logs = FLOOR) -> Logs:
    """A standard deviation along the last axis: the largest of MAD, quartile range and decile range, floored.

    One slow value in twenty does not blow it up; a slow mode met more often than once in ten is noise that it must
    tell, which is what the deciles are for.
    """
    median = np.median(logs, axis=-1, keepdims=True)
    mad = _MAD * np.median(np.abs(logs - median), axis=-1)
    d1, q1, q3, d9 = np.percentile(logs, [10, 25, 75, 90], axis=-1)
    spreads = np.broadcast_arrays(mad, (q3 - q1) / _QUARTILES, (d9 - d1) / _DECILES, floor)
    return np.asarray(np.max(np.stack(spreads), axis=0))


def resolution_of(values: Iterable[float]) -> float:
    """The step of the clock behind these values, in their unit: the largest power of ten they are all multiples of.

    1 at most (that all are multiples of 10 may be chance), and 0 where they have more than six decimals.
    """
    found = np.asarray(list(values), dtype=np.float64)
    for decimals in range(_FINEST_DECIMALS + 1):
        rounded = np.round(found, decimals)
        if np.all(np.abs(found - rounded) <= _ALIKE * np.abs(rounded)):
            return float(10.0**-decimals)
    return 0.0
