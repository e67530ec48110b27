"""The life of an alert: what became of a change that was found in a cell. Nothing is stored here.

    open -> acknowledged (by whom, why, until when) -> resolved | accepted
      ^            |
      +-- its time is over

One change never alerts twice: whatever state its alert is in, finding the change again leaves it as it is.
"""

import base64
import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from orchestrator.domain.cell import Cell
from orchestrator.domain.measurement import METRICS

SAME_CHANGE = timedelta(days=3)  # a change point moves by a night or two as more nights come in
ACKNOWLEDGED_FOR = timedelta(days=30)
_ID_BYTES = 5  # eight letters and digits; ten thousand alerts clash once in twenty thousand databases


class AlertState(StrEnum):
    """Where an alert stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    ACCEPTED = "accepted"

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be done."""
        return self in (AlertState.RESOLVED, AlertState.ACCEPTED)


class AlertKind(StrEnum):
    """What found the change: a gate that failed, a change point in the nights, or the distance to the pinned run."""

    GATE = "gate"
    CHANGE_POINT = "change_point"
    DRIFT = "drift"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A change of a cell's metric for the worse.

    `since` is the session that showed it, and with project, cell and metric what tells it from others; `onset` is an
    earlier one where it turned out to have begun. `before` and `after` have the metric's unit. How certain it is say
    `p` (of the change point) or the interval `low` to `high` (of the change, a fraction). `context` tells what else
    changed at that point, "" where nothing did. `run_id` is the run that found it, `closed_by` the one that showed it
    gone, from its session `back_since` on; `closed_because` says by which rule. `who` and `reason` are of the last
    acknowledgement or acceptance, `until` is when an acknowledgement ends.
    """

    project: str
    cell: Cell
    metric: str
    kind: AlertKind
    since: datetime
    before: float
    after: float
    run_id: str
    opened_at: datetime
    onset: datetime | None = None
    p: float | None = None
    low: float | None = None
    high: float | None = None
    context: str = ""
    state: AlertState = AlertState.OPEN
    who: str = ""
    reason: str = ""
    until: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str = ""
    closed_because: str = ""
    back_since: datetime | None = None

    @property
    def id(self) -> str:
        """Short, and the same on every machine that finds the same change."""
        cell, night = self.cell, f"{self.since.astimezone(UTC):%Y-%m-%d}"
        key = "\0".join((self.project, cell.model, cell.device, cell.variant, self.metric, night))
        return base64.b32encode(hashlib.sha256(key.encode()).digest()[:_ID_BYTES]).decode().lower()

    @property
    def change(self) -> float:
        """Its size as a fraction; negative where the value fell."""
        return self.after / self.before - 1

    @property
    def began(self) -> datetime:
        """The first session that lies in it."""
        return self.onset or self.since

    def is_of(self, cell: Cell, metric: str) -> bool:
        """Whether it is about this metric of this cell."""
        return (self.cell, self.metric) == (cell, metric)

    def is_same_change(self, other: "Alert") -> bool:
        """Whether the other is about this very change."""
        key, others = ((alert.project, alert.cell, alert.metric) for alert in (self, other))
        return key == others and abs(self.since - other.since) <= SAME_CHANGE

    def holds(self, value: float, tolerance: float) -> bool:
        """Whether the value is no worse than the one after the change, by the tolerance (in logs): nothing new."""
        return METRICS[self.metric].sign * math.log(value / self.after) < tolerance

    def takes_out(self, cell: Cell, at: datetime) -> bool:
        """Whether a session of that time lies in this regression, and so is no baseline unless it is accepted."""
        is_in = self.cell == cell and self.began <= at and (self.back_since is None or at < self.back_since)
        return is_in and self.state is not AlertState.ACCEPTED


def is_known(alerts: Iterable[Alert], new: Alert, tolerance: float) -> bool:
    """Whether a change that is found again, or is no worse than what one that is not over tells already."""
    return any(
        alert.is_same_change(new)
        or (not alert.state.is_over and alert.is_of(new.cell, new.metric) and alert.holds(new.after, tolerance))
        for alert in alerts
    )


def acknowledge(alert: Alert, *, who: str, reason: str, until: datetime) -> Alert:
    """Somebody knows, and it is quiet for that long. Raises ValueError on one that is over."""
    _must_be_alive(alert)
    return replace(alert, state=AlertState.ACKNOWLEDGED, who=who, reason=reason, until=until)


def woken(alert: Alert, now: datetime) -> Alert:
    """The alert, open again where its acknowledgement has come to its end."""
    is_late = alert.state is AlertState.ACKNOWLEDGED and alert.until is not None and now >= alert.until
    return replace(alert, state=AlertState.OPEN, until=None) if is_late else alert


def resolve(alert: Alert, *, back_since: datetime, run_id: str, because: str, now: datetime) -> Alert:
    """The cell is as good as before again. One that is over stays as it is."""
    if alert.state.is_over:
        return alert
    return replace(
        alert,
        state=AlertState.RESOLVED,
        until=None,
        closed_at=now,
        closed_by=run_id,
        closed_because=because,
        back_since=back_since,
    )


def accept(alert: Alert, *, who: str, reason: str, now: datetime) -> Alert:
    """This is how it is from now on: the baseline begins anew at the change. Raises ValueError on one that is over."""
    _must_be_alive(alert)
    return replace(alert, state=AlertState.ACCEPTED, who=who, reason=reason, until=None, closed_at=now)


def _must_be_alive(alert: Alert) -> None:
    if alert.state.is_over:
        message = f"alert {alert.id} ({alert.metric} of {alert.cell}) is already {alert.state}"
        raise ValueError(message)
