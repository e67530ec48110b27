"""Trends in the terminal and for programs: `bench history`."""

import json
from collections.abc import Sequence
from typing import TextIO

from pydantic import TypeAdapter
from rich.text import Text

from orchestrator.domain.measurement import METRICS
from orchestrator.domain.trend import Trend
from orchestrator.presentation.terminal import add_row, open_console, plain, table
from orchestrator.presentation.text import number

BARS = "▁▂▃▄▅▆▇█"
SHOWN = 40
_TREND = TypeAdapter(Trend)


def sparkline(values: Sequence[float]) -> str:
    """The values as bars from their lowest to their highest; all alike are low."""
    low, high = min(values), max(values)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((value - low) * scale)] for value in values)


def print_history(trends: Sequence[Trend], *, stream: TextIO) -> None:
    """A line a cell: the newest number, what is usual, the newest sessions as bars, and where they changed."""
    console = open_console(stream)
    shown = table("Model", "Device", "Variant", "Metric", "Latest:", "Usual", "Sessions:", "Oldest to newest")
    for trend in trends:
        recent = trend.points[-SHOWN:]
        cell = trend.cell
        row: list[str | Text] = [cell.model, cell.device, cell.variant, _with_unit(trend.metric)]
        row += [number(recent[-1].value), _usual(trend), str(len(trend.points))]
        add_row(shown, [*row, sparkline([point.value for point in recent])])
    console.print(shown if trends else plain("no session of such a cell is kept here"))
    for trend in trends:
        for point in trend.points[-SHOWN:]:
            if point.change is not None:
                told = f"{trend.cell}: {point.change:+.1%} since {point.at:%Y-%m-%d} (run {point.run_id})"
                console.print(plain(told), soft_wrap=True)


def history_as_json(trends: Sequence[Trend]) -> str:
    """One object a cell."""
    return json.dumps([_TREND.dump_python(trend, mode="json") for trend in trends], indent=1)


def _usual(trend: Trend) -> str:
    if trend.usual is None or trend.low is None or trend.high is None:
        return "too few"
    return f"{number(trend.usual)} ({number(trend.low)}–{number(trend.high)})"


def _with_unit(metric: str) -> str:
    return f"{metric} [{METRICS[metric].unit}]" if not metric.endswith(METRICS[metric].unit) else metric
