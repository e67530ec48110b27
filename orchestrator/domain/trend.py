"""One cell's metric over its nights: each night's number, what is usual, where it changed for good, what was known."""

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.domain.alert import Alert
from orchestrator.domain.cell import Cell
from orchestrator.domain.history_rule import LEAST_SESSIONS, history_band
from orchestrator.domain.metric_logs import in_unit, sign_of
from orchestrator.domain.nights import Nights, nights_of
from orchestrator.domain.past import Past
from orchestrator.domain.session import Session, told_differences

SMALLEST_STEP = math.log(1.05)
MOST_USUAL = 20  # nights that the band rests on, as the rolling baseline by default


@dataclass(frozen=True, kw_only=True)
class TrendPoint:
    """A night's number in the metric's unit.

    `change` is the step it began with, as a fraction, None without one. `counts`: the rolling baseline may take it.
    `context` tells what was different the night before, "" where nothing was; `anew` that the baseline began anew with
    it: accepted, improved or "". `names` are those of its run.
    """

    run_id: str
    at: datetime
    value: float
    change: float | None = None
    counts: bool = True
    context: str = ""
    anew: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Trend:
    """The points oldest first, and the alerts of the metric.

    `sessions`: how many are kept of the cell, these among them.
    `usual` is the median of what the rolling baseline may take and `low` to `high` where an unchanged session may lie;
    the three are None with fewer than five such nights. `statistic`: best or median of the jobs.
    """

    project: str
    cell: Cell
    metric: str
    points: tuple[TrendPoint, ...]
    statistic: str
    sessions: int = 0
    usual: float | None = None
    low: float | None = None
    high: float | None = None
    alerts: tuple[Alert, ...] = ()

    @property
    def counting(self) -> int:
        """How many of the points the rolling baseline may take."""
        return sum(point.counts for point in self.points)


def trend_of(
    project: str, cell: Cell, metric: str, past: Past, *, sessions: int | None = None, with_changes: bool = True
) -> Trend:
    """The trend of the nights that gave the metric; those that did not are left out, never filled in.

    `sessions`: how many are kept of the cell, if more than are in `past`. Without changes, nobody looks where the
    series changed for good.
    """
    nights = nights_of(past.sessions, metric)
    kept = len(past.sessions) if sessions is None else sessions
    trend = Trend(project=project, cell=cell, metric=metric, points=(), statistic="best", sessions=kept)
    if nights is None:
        return trend
    alerts = tuple(alert for alert in past.alerts if alert.metric == metric)
    statistic = "median" if nights.is_median else "best"
    return _with_band(
        replace(trend, points=_points(nights, past, with_changes), statistic=statistic, alerts=alerts), nights
    )


def _points(nights: Nights, past: Past, with_changes: bool) -> tuple[TrendPoint, ...]:
    metric, sessions = nights.metric, nights.sessions
    steps = nights.changes(SMALLEST_STEP) if with_changes else ()
    changes = {found.index: math.expm1(sign_of(metric) * found.step) for found in steps}
    anew = {_first_since(sessions, at): "accepted" if wanted else "improved" for at, wanted in past.starts.items()}
    names = defaultdict[str, list[str]](list)
    for name, run_id in past.names.items():
        names[run_id].append(name)
    return tuple(
        TrendPoint(
            run_id=session.run_id,
            at=session.at,
            value=in_unit(metric, number),
            change=changes.get(place),
            counts=session.run_id in past.counting,
            context=told_differences(sessions[place - 1].context, session.context) if place else "",
            anew=anew.get(place, ""),
            names=tuple(names.get(session.run_id, ())),
        )
        for place, (session, number) in enumerate(zip(sessions, nights.numbers.tolist(), strict=True))
    )


def _first_since(sessions: tuple[Session, ...], at: datetime) -> int:
    """The place of the first session from that time on; -1 where it lies before all of them or after."""
    place = next((place for place, session in enumerate(sessions) if session.at >= at), -1)
    return -1 if place == 0 and at < sessions[0].at else place


def _with_band(trend: Trend, nights: Nights) -> Trend:
    usual = nights.numbers[[point.counts for point in trend.points]][-MOST_USUAL:]
    if len(usual) < LEAST_SESSIONS:
        return trend
    band = history_band(usual)
    centre, half = float(band.centre), float(band.half_width())
    low, high = sorted(in_unit(trend.metric, number) for number in (centre - half, centre + half))
    return replace(trend, usual=in_unit(trend.metric, centre), low=low, high=high)
