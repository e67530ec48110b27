"""The life of an alert: what became of a change that was found in a cell. Nothing is stored here.

    open -> acknowledged (by whom, why, until when) -> resolved | accepted
      ^            |
      +-- its time is over

One change never alerts twice: whatever state its alert is in, finding the change again leaves it as it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from orchestrator.domain.cell import Cell

SAME_CHANGE = timedelta(days=3)  # a change point moves by a night or two as more nights come in
ACKNOWLEDGED_FOR = timedelta(days=30)


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


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A change of a cell's metric for the worse.

    `since` is the first session after it, `change` its size as a fraction. `who` and `reason` are those of the last
    acknowledgement or acceptance, `until` when an acknowledgement ends.
    """

    cell: Cell
    metric: str
    since: datetime
    change: float
    opened_at: datetime
    state: AlertState = AlertState.OPEN
    who: str = ""
    reason: str = ""
    until: datetime | None = None
    closed_at: datetime | None = None

    def is_about(self, cell: Cell, metric: str, since: datetime) -> bool:
        """Whether it is this very change."""
        return (self.cell, self.metric) == (cell, metric) and abs(self.since - since) <= SAME_CHANGE


def found(alerts: Iterable[Alert], new: Alert) -> tuple[Alert, ...]:
    """The alerts with the new one, unless one of them is about the same change, in whatever state."""
    alerts = tuple(alerts)
    known = any(alert.is_about(new.cell, new.metric, new.since) for alert in alerts)
    return alerts if known else (*alerts, new)


def acknowledge(alert: Alert, *, who: str, reason: str, now: datetime, lasting: timedelta = ACKNOWLEDGED_FOR) -> Alert:
    """Somebody knows, and it is quiet for that long. Raises ValueError on one that is over."""
    _must_be_alive(alert)
    return replace(alert, state=AlertState.ACKNOWLEDGED, who=who, reason=reason, until=now + lasting)


def woken(alert: Alert, now: datetime) -> Alert:
    """The alert, open again where its acknowledgement has come to its end."""
    is_late = alert.state is AlertState.ACKNOWLEDGED and alert.until is not None and now >= alert.until
    return replace(alert, state=AlertState.OPEN, until=None) if is_late else alert


def resolve(alert: Alert, now: datetime) -> Alert:
    """The cell is as fast as before again. One that is over stays as it is."""
    return alert if alert.state.is_over else replace(alert, state=AlertState.RESOLVED, until=None, closed_at=now)


def accept(alert: Alert, *, who: str, reason: str, now: datetime) -> Alert:
    """This is how it is from now on: the baseline begins anew at the change. Raises ValueError on one that is over."""
    _must_be_alive(alert)
    return replace(alert, state=AlertState.ACCEPTED, who=who, reason=reason, until=None, closed_at=now)


def is_inside_regression(alerts: Iterable[Alert], cell: Cell, at: datetime) -> bool:
    """Whether a session of that time lies in a regression that is neither resolved nor accepted.

    Such a session never becomes a baseline: the comparison would get used to the regression.
    """
    return any(alert.cell == cell and not alert.state.is_over and at >= alert.since for alert in alerts)


def accepted_since(alerts: Iterable[Alert], cell: Cell, metric: str) -> datetime | None:
    """Where the newest accepted change began; older sessions are no baseline any more. None where there is none."""
    accepted = (alert for alert in alerts if alert.state is AlertState.ACCEPTED)
    return max((alert.since for alert in accepted if (alert.cell, alert.metric) == (cell, metric)), default=None)


def _must_be_alive(alert: Alert) -> None:
    if alert.state.is_over:
        message = f"the alert on {alert.metric} of {alert.cell} is already {alert.state}"
        raise ValueError(message)
