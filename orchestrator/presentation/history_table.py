"""Trends in the terminal: `bench history`."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TextIO

from rich.console import Console

from orchestrator.domain.measurement import METRICS
from orchestrator.domain.trend import Trend
from orchestrator.presentation.alert_table import print_alerts
from orchestrator.presentation.alert_words import alert_words, by_urgency
from orchestrator.presentation.history_chart import LEGEND, chart
from orchestrator.presentation.terminal import add_row, open_console, plain, table
from orchestrator.presentation.text import change, day, number, plural

BARS = "▁▂▃▄▅▆▇█"
SHOWN, SHOWN_NARROW, NARROW = 24, 12, 100
MOST_DRAWN = 8  # with more cells, the lines of the table are what can be read


def sparkline(values: Sequence[float]) -> str:
    """The values as bars from their lowest to their highest; all alike are low."""
    low, high = min(values), max(values)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((value - low) * scale)] for value in values)


def print_history(trends: Sequence[Trend], *, stream: TextIO) -> None:
    """A line a cell with the newest nights as bars; few cells are also drawn, with what is usual and what happened."""
    console = open_console(stream)
    if not trends:
        console.print(plain("no session of such a cell is kept here"))
        return
    _print_table(console, trends)
    if len(trends) > MOST_DRAWN:
        console.print(plain(f"{plural(len(trends), 'cell')}: name fewer than {MOST_DRAWN + 1} to see them drawn"))
        return
    for trend in trends:
        _print_drawing(console, trend)
    console.print(plain(LEGEND, style="dim"))


def _print_table(console: Console, trends: Sequence[Trend]) -> None:
    with_variants = any(trend.cell.variant != "default" for trend in trends)
    heads = ["Model", "Device", *(["Variant"] if with_variants else []), _with_unit(trends[0].metric) + ":"]
    shown = table(*heads, "Usual", "Sessions:", "Alerts:", "Newest last")
    most = SHOWN if console.width >= NARROW else SHOWN_NARROW
    for trend in trends:
        recent, cell = trend.points[-most:], trend.cell
        names = [cell.model, cell.device, *([cell.variant] if with_variants else [])]
        alive = sum(not alert.state.is_over for alert in trend.alerts)
        numbers = [number(recent[-1].value), _usual(trend), f"{trend.sessions:,}", str(alive)]
        add_row(shown, [*names, *numbers, sparkline([point.value for point in recent])])
    console.print(shown)


def _print_drawing(console: Console, trend: Trend) -> None:
    first, last = trend.points[0], trend.points[-1]
    span = f"{plural(len(trend.points), 'night')}, {day(first.at)} to {day(last.at)}"
    told = f"{_with_unit(trend.metric)}, {trend.statistic} of the jobs; {span}"
    console.print(plain(str(trend.cell), style="bold"), plain(told))
    for row in chart(trend, console.width):
        console.print(row, no_wrap=True)
    for line in _told(trend):
        console.print(plain(line))
    now = datetime.now(UTC)
    print_alerts(console, [alert_words(alert, now) for alert in by_urgency(trend.alerts)])
    console.print()


def _told(trend: Trend) -> Iterable[str]:
    for point in trend.points:
        if point.change is not None:
            yield f"{change(point.change)} since {day(point.at)} (run {point.run_id})"
        if point.anew:
            yield f"the baseline began anew on {day(point.at)}: {point.anew}"
        if point.context:
            yield f"{day(point.at)}: {point.context}"
        for name in point.names:
            yield f"{name} is run {point.run_id}"


def _usual(trend: Trend) -> str:
    if trend.usual is None or trend.low is None or trend.high is None:
        return "too few"
    return f"{number(trend.usual)} ({number(trend.low)}–{number(trend.high)})"


def _with_unit(metric: str) -> str:
    return f"{metric} [{METRICS[metric].unit}]" if not metric.endswith(METRICS[metric].unit) else metric
