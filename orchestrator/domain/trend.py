"""One cell's metric over its sessions: each night's number, what is usual, and where it changed for good."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from orchestrator.domain.cell import Cell
from orchestrator.domain.changepoint import change_points
from orchestrator.domain.history_rule import LEAST_SESSIONS, choose_median, history_band, session_numbers
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
    """The trend of the sessions that gave the metric; those that did not are left out, never filled in."""
    given = [session for session in sessions if session.jobs(metric)]
    if not given:
        return Trend(project=project, cell=cell, metric=metric, points=(), statistic="best")
    jobs = min(len(session.jobs(metric)) for session in given)
    logs = np.log(np.array([session.jobs(metric)[:jobs] for session in given], dtype=np.float64))
    is_median = choose_median(logs)
    numbers = session_numbers(logs, is_median)
    changes = {change.index: math.expm1(change.step) for change in change_points(numbers.tolist(), SMALLEST_STEP)}
    points = tuple(
        TrendPoint(run_id=session.run_id, at=session.at, value=math.exp(number), change=changes.get(place))
        for place, (session, number) in enumerate(zip(given, numbers.tolist(), strict=True))
    )
    trend = Trend(project=project, cell=cell, metric=metric, points=points, statistic="median" if is_median else "best")
    return _with_band(trend, numbers[max(changes, default=0) :])


def _with_band(trend: Trend, recent: Logs) -> Trend:
    if len(recent) < LEAST_SESSIONS:
        return trend
    band = history_band(recent)
    centre, half = float(band.centre), float(band.half_width())
    return replace(trend, usual=math.exp(centre), low=math.exp(centre - half), high=math.exp(centre + half))
