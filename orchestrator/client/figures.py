"""From a source's numbers to checked metrics. What contradicts itself is unreadable, whatever it says."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.domain.measurement import METRICS, Metric
from orchestrator.protocol.unreadable import Unreadable

SLACK = 1e-3  # a mean of six digits may lie a little outside whole microseconds
_MAY_NOT_BE_NEGATIVE = tuple(name for name, kind in METRICS.items() if kind.unit in ("ms", "1/s"))


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number in its metric's own unit, None where the source has none, with where it is from and what it means."""

    value: float | None
    definition: str = ""
    source: str = ""
    n: int | None = None


def to_metrics(figures: Mapping[str, Figure]) -> dict[str, Metric]:
    """The metrics that are there, and the throughput that follows from the mean.

    Raises Unreadable where a number is not finite, a time is negative, or the order of minimum, median, mean and
    maximum is impossible.
    """
    told = {name: figure for name, figure in figures.items() if figure.value is not None}
    values = {name: figure.value for name, figure in told.items() if figure.value is not None}
    _check(values)
    metrics = {
        name: Metric(
            value=values[name],
            unit=METRICS[name].unit,
            definition=figure.definition or METRICS[name].meaning,
            source=figure.source,
            n=figure.n,
        )
        for name, figure in told.items()
    }
    mean = metrics.get("latency_ms")
    if mean and mean.value > 0:
        metrics["throughput_per_s"] = Metric(
            value=1000 / mean.value, unit="1/s", definition="1 / mean latency", source=mean.source, n=mean.n
        )
    return metrics


def _check(values: Mapping[str, float]) -> None:
    for name, value in values.items():
        if not math.isfinite(value) or (value < 0 and name in _MAY_NOT_BE_NEGATIVE):
            reason = f"{name} is {value:g}"
            raise Unreadable(reason)
    for low, high in (
        ("latency_min_ms", "latency_ms"),
        ("latency_ms", "latency_max_ms"),
        ("latency_min_ms", "latency_p50_ms"),
        ("latency_p50_ms", "latency_p95_ms"),
        ("latency_p95_ms", "latency_max_ms"),
    ):
        if low in values and high in values and values[low] > values[high] * (1 + SLACK) + SLACK:
            reason = f"{low} ({values[low]:g}) is more than {high} ({values[high]:g})"
            raise Unreadable(reason)
