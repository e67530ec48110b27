"""One cell's metric over its sessions: each night's number, what is usual, and where it changed for good."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.domain.cell import Cell
from orchestrator.domain.contrast import in_unit
from orchestrator.domain.evidence import sign_of
from orchestrator.domain.history_rule import LEAST_SESSIONS, history_band
from orchestrator.domain.nights import nights_of
from orchestrator.domain.noise import Logs
from orchestrator.domain.session import Session

SMALLEST_STEP = math.log(1.05)


@dataclass(frozen=True, kw_only=True)
class TrendPoint:
    """A session's number in the metric's unit; `change` is the step it began with, as a fraction, None without one."""

    run_id: str
    at: datetime
    value: float
    change: float | None = None


@dataclass(frozen=True, kw_only=True)
class Trend:
    """The points oldest first. `usual` is their median and `low` to `high` where an unchanged session may lie.

    The three are None with fewer than five sessions since the last change. `statistic`: best or median of the jobs.
    """

    project: str
    cell: Cell
    metric: str
    points: tuple[TrendPoint, ...]
    statistic: str
    usual: float | None = None
    low: float | None = None
    high: float | None = None


def trend_of(project: str, cell: Cell, metric: str, sessions: Sequence[Session]) -> Trend:
    """The trend of the nights that gave the metric; those that did not are left out, never filled in."""
    nights = nights_of(sessions, metric)
    if nights is None:
        return Trend(project=project, cell=cell, metric=metric, points=(), statistic="best")
    changes = {found.index: math.expm1(sign_of(metric) * found.step) for found in nights.changes(SMALLEST_STEP)}
    points = tuple(
        TrendPoint(run_id=session.run_id, at=session.at, value=in_unit(metric, number), change=changes.get(place))
        for place, (session, number) in enumerate(zip(nights.sessions, nights.numbers.tolist(), strict=True))
    )
    statistic = "median" if nights.is_median else "best"
    trend = Trend(project=project, cell=cell, metric=metric, points=points, statistic=statistic)
    return _with_band(trend, nights.numbers[max(changes, default=0) :])


def _with_band(trend: Trend, recent: Logs) -> Trend:
    if len(recent) < LEAST_SESSIONS:
        return trend
    band = history_band(recent)
    centre, half = float(band.centre), float(band.half_width())
    low, high = sorted(in_unit(trend.metric, number) for number in (centre - half, centre + half))
    return replace(trend, usual=in_unit(trend.metric, centre), low=low, high=high)
