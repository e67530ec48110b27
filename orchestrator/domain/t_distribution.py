"""Student's t distribution with the standard library alone, to eight digits and better.

The upper tail is half of the regularised incomplete beta function I(df / (df + t²); df / 2, 1/2), which is
evaluated by its continued fraction (NIST DLMF 8.17.22) in Lentz's way.
"""

import math
from functools import lru_cache

_TINY, _PRECISE, _MOST_TERMS = 1e-300, 1e-15, 10_000
_STEPS = 200


def t_sf(t: float, df: float) -> float:
    """The probability of more than t, for df > 0 degrees of freedom (they need not be whole)."""
    if t < 0:
        return 1.0 - t_sf(-t, df)
    square = t * t
    return _incomplete_beta(df / (df + square), square / (df + square), df / 2, 0.5) / 2


@lru_cache(maxsize=4096)
def t_critical(df: float, alpha: float = 0.05) -> float:
    """The t that is exceeded with probability alpha (0 < alpha <= 1/2), by bisection."""
    low, high = 0.0, 1.0
    while t_sf(high, df) > alpha:
        low, high = high, 2 * high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if t_sf(middle, df) > alpha else (low, middle)
    return (low + high) / 2


def _incomplete_beta(x: float, rest: float, a: float, b: float) -> float:
    """I(x; a, b) where rest is 1 - x, given apart because the difference would lose its digits."""
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _incomplete_beta(rest, x, b, a)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    return math.exp(a * math.log(x) + b * math.log(rest) - log_beta) / a / _continued_fraction(x, a, b)


def _continued_fraction(x: float, a: float, b: float) -> float:
    value = numerators = 1.0
    denominators = 0.0
    for term in range(1, _MOST_TERMS):
        coefficient = _coefficient(term, x, a, b)
        denominators = 1 / (1 + coefficient * denominators or _TINY)
        numerators = 1 + coefficient / numerators or _TINY
        value *= numerators * denominators
        if abs(numerators * denominators - 1) < _PRECISE:
            break
    return value


def _coefficient(term: int, x: float, a: float, b: float) -> float:
    m = term // 2
    if term % 2 == 0:
        return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
    return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
