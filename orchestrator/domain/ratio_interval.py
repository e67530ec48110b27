"""How many times as large one set of jobs is as another, with an interval that assumes no distribution.

The interval is the Hodges-Lehmann one: all ratios of a value to a baseline value are sorted and as many are cut off at
each end as the exact distribution of the Mann-Whitney statistic allows (Hollander, Wolfe, Chicken: Nonparametric
Statistical Methods, 3rd ed., section 4.3). With 3 jobs on each side nothing is cut: the interval is the whole range.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import comb, sqrt

CONFIDENCE = 0.90  # what three jobs on each side can just give
_EXACT_UP_TO = 40  # jobs on both sides together; beyond, the statistic is as good as normal
_NORMAL_QUANTILE = 1.6449  # of 0.95: a twentieth is cut off at each end


@dataclass(frozen=True, kw_only=True)
class RatioInterval:
    """`ratio` is that of the medians. `confidence` is the interval's own, below CONFIDENCE with too few jobs."""

    ratio: float
    low: float
    high: float
    confidence: float

    @property
    def is_enough(self) -> bool:
        """Whether the jobs are enough for an interval of CONFIDENCE."""
        return self.confidence >= CONFIDENCE - 1e-12


def ratio_interval(values: Sequence[float], baseline: Sequence[float]) -> RatioInterval | None:
    """The ratio of the values to the baseline's; None unless both have values and all are positive."""
    if not values or not baseline or min(*values, *baseline) <= 0:
        return None
    ratios = sorted(value / base for value in values for base in baseline)
    cut, confidence = _cut(len(values), len(baseline))
    ratio = statistics.median(values) / statistics.median(baseline)
    low, high = ratios[cut], ratios[-1 - cut]
    return RatioInterval(ratio=ratio, low=min(low, ratio), high=max(high, ratio), confidence=confidence)


@cache
def _cut(first: int, second: int) -> tuple[int, float]:
    """How many ratios may go at each end, and the confidence that is left."""
    if first + second > _EXACT_UP_TO:
        spread = sqrt(first * second * (first + second + 1) / 12)
        return max(0, int(first * second / 2 - _NORMAL_QUANTILE * spread) - 1), CONFIDENCE
    total = comb(first + second, first)
    tails = [2 * below / total for below in accumulate(_rankings(first, second))]  # tails[k]: k+1 cut off before
    fitting = [place for place, tail in enumerate(tails) if tail <= 1 - CONFIDENCE + 1e-12]
    cut = fitting[-1] if fitting else 0
    return cut, max(0.0, 1 - tails[cut])


def _rankings(first: int, second: int) -> list[int]:
    """In how many rankings of both sets the Mann-Whitney statistic is 0, 1, 2, ...: a Gaussian binomial's terms."""
    terms = [1] + [0] * (first * second)
    for step in range(1, first + 1):
        for place in range(len(terms) - 1, second + step - 1, -1):
            terms[place] -= terms[place - second - step]
        for place in range(step, len(terms)):
            terms[place] += terms[place - step]
    return terms
