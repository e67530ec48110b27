"""Each cell over the runs of its plan, as a picture: the medians as a line, their ranges as a band, changes marked.

A change is marked where a run's whole range lies beyond that of the run before it, by the threshold at least, and
several jobs speak on both sides. It is a hint for the eye; verdicts come from gates. Runs that opened or resolved an
alert about the cell have a line across.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from orchestrator.domain.cell import Cell
from orchestrator.domain.compare import THRESHOLD
from orchestrator.domain.run import Run
from orchestrator.domain.statistics import Summary
from orchestrator.presentation.index_cache import MOST_RUNS, RunDigest
from orchestrator.presentation.page.names import metric_label
from orchestrator.presentation.text import change, interval, number, plural

HEIGHT = 36
_WIDTH = 1000
_MARGIN = 4
MOST_CELLS = 60


@dataclass(frozen=True, kw_only=True)
class Trend:
    """One cell. `band` to `resolved` are path data in a picture 1000 x HEIGHT."""

    cell: str
    latest: str
    interval: str
    change: str
    tone: str
    low: str
    high: str
    runs: str
    told: str
    band: str
    line: str
    dots: str
    worse: str
    better: str
    opened: str
    resolved: str


@dataclass(frozen=True, kw_only=True)
class PlanTrends:
    """The cells of one plan, those with the latest and largest changes first."""

    plan: str
    project: str
    metric: str
    runs: str
    rows: tuple[Trend, ...]
    left_out: str


_Series = list[tuple[int, Summary]]  # the place of the run among the plan's, and the cell's summary in it
_Alerts = list[tuple[int, str]]  # the places of runs that opened or resolved an alert, and which of the two


def plan_trends(runs: Sequence[Run], digests: Mapping[str, RunDigest]) -> tuple[PlanTrends, ...]:
    """One picture a cell for every plan that was run at least twice, the plan run last first."""
    of_plan: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.started_at, reverse=True):
        if run.id in digests and len(of_plan[run.project, run.plan]) < MOST_RUNS:
            of_plan[run.project, run.plan].append(run)
    found = (_plan(project, plan, newest[::-1], digests) for (project, plan), newest in of_plan.items() if newest[1:])
    return tuple(trends for trends in found if trends.rows)


def _plan(project: str, plan: str, runs: Sequence[Run], digests: Mapping[str, RunDigest]) -> PlanTrends:
    metric = next((digests[run.id].metric for run in reversed(runs) if digests[run.id].metric), "")
    series: dict[Cell, _Series] = defaultdict(list)
    alerts: dict[Cell, _Alerts] = defaultdict(list)
    for place, run in enumerate(runs):
        digest = digests[run.id]
        for point in digest.points if digest.metric == metric else ():
            series[point.cell].append((place, point.summary))
            alerts[point.cell] += [(place, point.alert)] if point.alert else []
    ordered = sorted(((cell, found) for cell, found in series.items() if found[1:]), key=lambda pair: _calm(pair[1]))
    hidden = len(ordered) - MOST_CELLS
    return PlanTrends(
        plan=plan,
        project=project,
        metric=metric_label(metric),
        runs=plural(len(runs), "run"),
        rows=tuple(_trend(cell, found, alerts[cell], len(runs)) for cell, found in ordered[:MOST_CELLS]),
        left_out=f"{plural(hidden, 'calmer cell')} left out." if hidden > 0 else "",
    )


def _calm(series: _Series) -> tuple[int, float]:
    """What the cells are ordered by: marked changes first, then by how far the cell moved over all runs."""
    first, last = series[0][1].value, series[-1][1].value
    return (0 if list(_changes(series)) else 1), -abs(last / first - 1) if first > 0 else 0.0


def _changes(series: _Series) -> Iterator[tuple[int, int]]:
    """The index of each marked change in the series, and 1 where the value rose or -1 where it fell."""
    for index, ((_, before), (_, now)) in enumerate(pairwise(series), 1):
        if min(before.n, now.n) < 2:
            continue
        if now.low > before.high * (1 + THRESHOLD):
            yield index, 1
        elif now.high < before.low * (1 - THRESHOLD):
            yield index, -1


def _trend(cell: Cell, series: _Series, alerts: _Alerts, runs: int) -> Trend:
    low, high = min(s.low for _, s in series), max(s.high for _, s in series)
    room = (high - low) or abs(high) or 1.0

    def x(place: int) -> int:
        return round(_MARGIN * 2 + place * (_WIDTH - _MARGIN * 4) / max(1, runs - 1))

    def y(value: float) -> float:
        return round(HEIGHT - _MARGIN - (value - low) / room * (HEIGHT - 2 * _MARGIN), 1)

    marks = list(_changes(series))
    upper = [f"{x(place)} {y(s.high)}" for place, s in series]
    lower = [f"{x(place)} {y(s.low)}" for place, s in reversed(series)]
    middle = [(x(place), y(s.value)) for place, s in series]
    first, last = series[0][1], series[-1][1]
    return Trend(
        cell=str(cell),
        latest=number(last.value),
        interval=interval(last),
        change=change(last.value / first.value - 1 if first.value > 0 else None),
        tone=_tone(marks, alerts),
        low=number(low),
        high=number(high),
        runs=f"{len(series):,}",
        told=_told_alert(alerts, [place for place, _ in series]) or _told(marks, len(series)),
        band=f"M{'L'.join([*upper, *lower])}Z",
        line=f"M{'L'.join(f'{a} {b}' for a, b in middle)}",
        dots=_dots(middle, range(len(middle))),
        worse=_dots(middle, [index for index, sign in marks if sign > 0]),
        better=_dots(middle, [index for index, sign in marks if sign < 0]),
        opened="".join(f"M{x(place)} 0V{HEIGHT}" for place, word in alerts if word == "opened"),
        resolved="".join(f"M{x(place)} 0V{HEIGHT}" for place, word in alerts if word == "resolved"),
    )


def _tone(marks: Sequence[tuple[int, int]], alerts: _Alerts) -> str:
    """How the last thing told is coloured."""
    if alerts:
        return "worse" if alerts[-1][1] == "opened" else "better"
    return {1: "worse", -1: "better", 0: ""}[marks[-1][1] if marks else 0]


def _dots(places: Sequence[tuple[int, float]], which: Sequence[int]) -> str:
    return "".join(f"M{places[index][0]} {places[index][1]}h0" for index in which)


def _told(marks: Sequence[tuple[int, int]], count: int) -> str:
    """The last change in words: "▲ 2 runs ago"."""
    if not marks:
        return ""
    index, sign = marks[-1]
    return f"{'▲' if sign > 0 else '▼'} {_ago(count - 1 - index)}"


def _told_alert(alerts: _Alerts, places: Sequence[int]) -> str:
    """The last thing that became of an alert: "✕ alert 2 runs ago"."""
    if not alerts:
        return ""
    place, word = alerts[-1]
    return f"{'✕ alert' if word == 'opened' else '✓ resolved'} {_ago(sum(later > place for later in places))}"


def _ago(runs: int) -> str:
    return "in the last run" if not runs else plural(runs, "run") + " ago"
