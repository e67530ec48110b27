"""How numbers, times and sizes are written, the same in every output. The page's script never formats a number.

Three significant digits, "−" for minus, "–" for missing, 1 MB = 10^6 bytes.
"""

import math
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from orchestrator.domain.statistics import Summary

MISSING = "–"
_DIGITS = 3
_PLAIN = (1e-6, 1e15)  # outside of these magnitudes a number is written with an exponent


def number(value: float | None) -> str:
    """Three significant digits, whole numbers in full with separators: 0.00123, 1.50, 12.3, 1,234; "–" for None."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value and not _PLAIN[0] <= abs(value) < _PLAIN[1]:
        return f"{value:.{_DIGITS - 1}e}".replace("-", "−")
    exact = Decimal(value)
    rounded = _rounded(exact, exact.adjusted())
    rounded = _rounded(exact, rounded.adjusted())  # 9.996 has become 10.00: once more with its new magnitude
    return "0" if not rounded else f"{rounded:,f}".replace("-", "−")


def _rounded(exact: Decimal, magnitude: int) -> Decimal:
    places = max(0, _DIGITS - 1 - magnitude) if exact else 0
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def quantity(value: float | None, unit: str) -> str:
    """A number with its unit, never broken between the two."""
    return MISSING if value is None else f"{number(value)}\u00a0{unit}".rstrip("\u00a0")


def interval(summary: Summary | None) -> str:
    """The range over the jobs: "4.51–4.62", or "one job" where there is no range to speak of."""
    if summary is None:
        return MISSING
    return f"{number(summary.low)}–{number(summary.high)}" if summary.n > 1 else "one job"


def percent(fraction: float | None) -> str:
    """A share or a spread: 0.034 is "3.4%", 0.123 is "12%"."""
    return MISSING if fraction is None or not math.isfinite(fraction) else f"{_tenths(100 * fraction)}%"


def change(fraction: float | None) -> str:
    """A change with its sign: "+3.1%", "−0.5%"."""
    return f"+{percent(fraction)}" if fraction is not None and 0 < fraction < math.inf else percent(fraction)


def _tenths(value: float) -> str:
    places = Decimal("0.1") if abs(value) < 9.95 else Decimal(1)
    rounded = Decimal(value).quantize(places, ROUND_HALF_UP)
    return "0" if not rounded else f"{rounded:,f}".replace("-", "−")


def times(ratio: float) -> str:
    """How many times as much: "1.8×"."""
    return f"{number(ratio)}×"


def plural(count: int, noun: str, many: str = "") -> str:
    """A count with its noun: "1 job", "1,200 jobs"."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def amount(count: float | None) -> str:
    """A large count in short: "1.24 M" parameters, "349 M" operations."""
    if count is None:
        return MISSING
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(count) >= limit:
            return quantity(count / limit, letter)
    return number(count)


def size(size_bytes: int) -> str:
    """A file's size in decimal units."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size_bytes >= limit:
            return quantity(size_bytes / limit, unit)
    return quantity(size_bytes, "bytes")


def duration(seconds: float | None) -> str:
    """A time span for people: "850 ms", "12.4 s", "3 min 05 s", "2 h 03 min"."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 1:
        return f"{round(1000 * seconds)}\u00a0ms" if seconds > 0 else "0\u00a0s"
    if seconds < 59.95:
        return quantity(seconds, "s")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}\u00a0min\u00a0{rest:02}\u00a0s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,}\u00a0h\u00a0{minutes:02}\u00a0min"


def day(at: datetime | None) -> str:
    """A date, in UTC."""
    return MISSING if at is None else f"{at.astimezone(UTC):%Y-%m-%d}"


def moment(at: datetime | None) -> str:
    """A point in time, in UTC to the second."""
    return MISSING if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
