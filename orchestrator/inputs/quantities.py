"""Durations and shares as people write them: `15m`, `0.5s`, `5%`. All errors are ValueErrors in words for users."""

import math
import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
DURATION_PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m|h|d)$"
PERCENTAGE_PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,9})?%$"
_HOW = "a duration such as 500ms, 5s, 15m, 2h or 30d"


def parse_duration_s(value: object) -> float:
    """Seconds. A number without a unit is refused, since nobody can tell which one was meant."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        message = f"{value} has no unit: write {_HOW}"
        raise ValueError(message)
    if not isinstance(value, str) or not (match := re.fullmatch(DURATION_PATTERN, value)):
        message = f"expected {_HOW}"
        raise ValueError(message)
    unit = match[2]
    return float(value.removesuffix(unit)) * _SECONDS[unit]


def format_duration(seconds: float) -> str:
    """The shortest spelling: the largest unit that leaves a whole number, else milliseconds."""
    fitting = [unit for unit, size in _SECONDS.items() if seconds >= size and (seconds / size).is_integer()]
    unit = fitting[-1] if fitting else "ms"
    return f"{seconds / _SECONDS[unit]:.6f}".rstrip("0").rstrip(".") + unit


def parse_fraction(value: object) -> float:
    """A share or relative change as a fraction, from `5%` or 0.05. A bare number above 1 is refused as ambiguous."""
    if isinstance(value, str) and re.fullmatch(PERCENTAGE_PATTERN, value):
        return float(value.removesuffix("%")) / 100
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        message = "expected a percentage such as 5%, or a fraction such as 0.05"
        raise ValueError(message)
    if value > 1:
        message = f"{value:g} as a fraction is {value:.0%}: write {value:g}% if that is meant"
        raise ValueError(message)
    return float(value)
