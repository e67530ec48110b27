"""Axes: where a value lies between a picture's left (0) and right (1), and which ticks to name."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

_LOG_FROM = 4.0  # from this ratio between the largest and the smallest value on, the axis is logarithmic
_MARGIN = 0.02  # of the width, kept free at both ends


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A named place on an axis, in percent of its width."""

    at: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Maps values from `low` to `high` to places from 0 to 1."""

    low: float
    high: float
    is_log: bool

    def at(self, value: float) -> float:
        """The place of a value; values beyond the axis lie on its end."""
        share = (self._map(value) - self._map(self.low)) / (self._map(self.high) - self._map(self.low))
        return _MARGIN + min(1.0, max(0.0, share)) * (1 - 2 * _MARGIN)

    def _map(self, value: float) -> float:
        return math.log(value) if self.is_log else value

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """Two to five round values on the axis."""
        values = _log_ticks(self.low, self.high) if self.is_log else _linear_ticks(self.low, self.high)
        return tuple(Tick(at=f"{100 * self.at(value):.1f}", label=f"{value:,.6g}") for value in values)


def scale_of(values: Iterable[float]) -> Scale:
    """An axis for at least one value; one value alone gets some room around it."""
    found = list(values)
    low, high = min(found), max(found)
    if low == high:
        room = abs(low) * 0.1 or 1.0
        low, high = low - room, high + room
    return Scale(low=low, high=high, is_log=low > 0 and high / low >= _LOG_FROM)


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, with 2 and 5 between them where there is room."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if math.log10(high / low) < 1.7 else (1,)
    values = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    inside = [value for value in values if low <= value <= high]
    return inside[:: max(1, math.ceil(len(inside) / 5))]


def _linear_ticks(low: float, high: float) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first = math.ceil(low / step)
    return [value for index in range(6) if (value := (first + index) * step) <= high]
