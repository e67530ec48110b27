"""A cell over its nights, drawn in lines of text: a column a night, what is usual as a band, marks below.

   12.0 │            ○○○○○
        │
   10.0 │●●●●●●●●●●●●░░░░░●●●●     ● may be baseline   ○ may not   ░ where an unchanged night lies
changes │            ▲    ▼
 alerts │            ✓
"""

from collections.abc import Callable, Iterator, Sequence

from rich.text import Text

from orchestrator.domain.measurement import METRICS
from orchestrator.domain.trend import Trend, TrendPoint
from orchestrator.presentation.alert_words import MARKS
from orchestrator.presentation.text import number

LEGEND = "● may be baseline  ○ may not  ░ where an unchanged night lies"
ROWS = 6
_GUTTER = 11  # labels and the axis
_LEAST_COLUMNS = 10


def chart(trend: Trend, width: int) -> Iterator[Text]:
    """The lines; of the nights as many of the newest as fit into the width."""
    points = trend.points[-max(_LEAST_COLUMNS, width - _GUTTER) :]
    yield from _plot(trend, points)
    for label, mark in _MARKS.items():
        marks = "".join(mark(trend, point) for point in points)
        if marks.strip():
            yield Text.assemble(_label(label), (marks.rstrip(), "bold"))


def _plot(trend: Trend, points: Sequence[TrendPoint]) -> Iterator[Text]:
    edges = [value for value in (trend.low, trend.high) if value is not None]
    values = [point.value for point in points]
    low, high = min(values + edges), max(values + edges)
    row_of = _scale(low, high)
    band = range(row_of(edges[0]), row_of(edges[1]) + 1) if edges else range(0)
    labels = {0: number(low), ROWS - 1: number(high)}
    if trend.usual is not None:
        labels.setdefault(row_of(trend.usual), number(trend.usual))
    for row in reversed(range(ROWS)):
        line = Text(_label(labels.get(row, "")))
        for point in points:
            is_here = row_of(point.value) == row
            sign = ("●" if point.counts else "○") if is_here else "░" if row in band else " "
            line.append(sign, style=_style(trend, point) if is_here else "dim")
        line.rstrip()
        yield line


def _scale(low: float, high: float) -> Callable[[float], int]:
    room = (high - low) or 1.0
    return lambda value: round((value - low) / room * (ROWS - 1))


def _style(trend: Trend, point: TrendPoint) -> str:
    """Beyond the band is red where it is worse, cyan where it is better."""
    if trend.low is None or trend.high is None or trend.low <= point.value <= trend.high:
        return ""
    is_worse = (point.value > trend.high) == METRICS[trend.metric].lower_is_better
    return "bold red" if is_worse else "cyan"


def _label(text: str) -> str:
    return f"{text:>{_GUTTER - 2}} │"


def _change(trend: Trend, point: TrendPoint) -> str:
    return " " if point.change is None else "▲" if point.change > 0 else "▼"


def _alert(trend: Trend, point: TrendPoint) -> str:
    """The state of the newest alert that begins with this night."""
    begins = [alert for alert in trend.alerts if alert.began == point.at]
    return MARKS[begins[-1].state] if begins else " "


_MARKS: dict[str, Callable[[Trend, TrendPoint], str]] = {
    "changes": _change,
    "alerts": _alert,
    "anew": lambda _, point: {"accepted": "✓", "improved": "▼"}.get(point.anew, " "),
    "context": lambda _, point: "◆" if point.context else " ",
    "named": lambda _, point: "P" if point.names else " ",
}
