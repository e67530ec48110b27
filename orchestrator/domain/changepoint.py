"""Where a series of nights changed for good: E-divisive with Welch's test (Matteson and James 2014; Welch 1947).

A segment is split where the energy statistic is largest, while a lenient test allows it; then the weakest splits are
taken back until all pass the strict one and are as large as the tolerance. Nights that were not measured are left
out by the caller, never filled in.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from orchestrator.domain.noise import FLOOR, Logs
from orchestrator.domain.t_distribution import t_sf

LEAST_NIGHTS = 3  # shorter segments are nearly always noise
STRICT, LENIENT = 0.001, 0.01


@dataclass(frozen=True, kw_only=True)
class ChangePoint:
    """A change before the value at `index`: the medians of the segments beside it (logs), and Welch's p (two sides)."""

    index: int
    before: float
    after: float
    p: float

    @property
    def step(self) -> float:
        """The change in logs; positive is up."""
        return self.after - self.before


def change_points(series: Sequence[float], tolerance: float) -> tuple[ChangePoint, ...]:
    """The changes of a series of logs, in order; `tolerance` is the smallest step that counts, in logs."""
    values = np.asarray(series, dtype=np.float64)
    return tuple(_merged(values, _splits(values), tolerance))


def welch_p(left: Logs, right: Logs) -> float:
    """The probability of means so far apart, two-sided; spreads are floored, as rounded values may have none."""
    if min(len(left), len(right)) < 2:
        return 1.0
    a, b = (max(float(side.var(ddof=1)), FLOOR**2) / len(side) for side in (left, right))
    df = (a + b) ** 2 / (a**2 / (len(left) - 1) + b**2 / (len(right) - 1))
    return 2 * t_sf(abs(float(left.mean() - right.mean())) / math.sqrt(a + b), df)


def _splits(values: Logs) -> list[int]:
    sums = _prefix_sums(np.abs(values[:, None] - values[None, :]))
    found, waiting = [], [(0, len(values))]
    while waiting:
        begin, end = waiting.pop()
        if end - begin < 2 * LEAST_NIGHTS:
            continue
        at = _best_split(sums, begin, end)
        if welch_p(values[begin:at], values[at:end]) < LENIENT:
            found.append(at)
            waiting += [(begin, at), (at, end)]
    return sorted(found)


def _prefix_sums(distances: Logs) -> Logs:
    sums = np.zeros((len(distances) + 1, len(distances) + 1))
    sums[1:, 1:] = distances.cumsum(axis=0).cumsum(axis=1)
    return sums


def _best_split(sums: Logs, begin: int, end: int) -> int:
    """The split with the largest energy statistic m k / (m + k) (2 E|x - y| - E|x - x'| - E|y - y'|)."""
    at = np.arange(begin + LEAST_NIGHTS, end - LEAST_NIGHTS + 1)
    m, k = at - begin, end - at
    left = sums[at, at] - sums[begin, at] - sums[at, begin] + sums[begin, begin]
    right = sums[end, end] - sums[at, end] - sums[end, at] + sums[at, at]
    between = sums[at, end] - sums[begin, end] - sums[at, at] + sums[begin, at]
    energy = m * k / (m + k) * (2 * between / (m * k) - left / (m * (m - 1)) - right / (k * (k - 1)))
    return int(at[np.argmax(energy)])


def _merged(values: Logs, splits: list[int], tolerance: float) -> list[ChangePoint]:
    while splits:
        points = _points(values, splits)
        weakest = max(points, key=lambda point: point.p)
        smallest = min(points, key=lambda point: abs(point.step))
        if weakest.p >= STRICT:
            splits.remove(weakest.index)
        elif abs(smallest.step) < tolerance:
            splits.remove(smallest.index)
        else:
            return points
    return []


def _points(values: Logs, splits: list[int]) -> list[ChangePoint]:
    edges = [0, *splits, len(values)]
    segments = [values[begin:end] for begin, end in pairwise(edges)]
    return [
        ChangePoint(index=at, before=float(np.median(left)), after=float(np.median(right)), p=welch_p(left, right))
        for at, (left, right) in zip(splits, pairwise(segments), strict=True)
    ]
