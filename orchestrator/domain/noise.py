"""How far numbers scatter, and how finely their clock could tell them apart. All arrays hold logarithms."""

from collections.abc import Iterable, Iterator

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
    d1, q1, median, q3, d9 = _quantiles(logs, 0.1, 0.25, 0.5, 0.75, 0.9)
    mad = _MAD * medians(np.abs(logs - median[..., None]))
    spread = np.maximum(mad, (q3 - q1) / _QUARTILES)
    return np.asarray(np.maximum(spread, np.maximum((d9 - d1) / _DECILES, floor)))


def medians(values: Logs) -> Logs:
    """The medians along the last axis."""
    (found,) = _quantiles(values, 0.5)
    return found


def _quantiles(values: Logs, *fractions: float) -> Iterator[Logs]:
    """Quantiles along the last axis, linear between values; numpy's own take five times as long for short series.

    None of the values is NaN.
    """
    ordered = np.sort(values, axis=-1)
    last = ordered.shape[-1] - 1
    for place in (fraction * last for fraction in fractions):
        low = ordered[..., int(place)]
        yield low + (ordered[..., min(int(place) + 1, last)] - low) * (place - int(place))


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
