"""Alerts in words, the same in every output."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from orchestrator.domain.alert import Alert, AlertKind, AlertState
from orchestrator.domain.measurement import METRICS
from orchestrator.presentation.text import change, day, number, plural, quantity

if TYPE_CHECKING:
    from orchestrator.domain.report import Report

KINDS = {
    AlertKind.GATE: "a gate that failed",
    AlertKind.CHANGE_POINT: "a change point",
    AlertKind.DRIFT: "drift from the pinned run",
}
MARKS = {AlertState.OPEN: "✕", AlertState.ACKNOWLEDGED: "!", AlertState.RESOLVED: "✓", AlertState.ACCEPTED: "✓"}


@dataclass(frozen=True, kw_only=True)
class AlertWords:
    """One alert. `standing` says what became of it, `found` what found it and how certain it is; `news` is "new in this
    run", "resolved by this run" or "".
    """

    id: str
    state: str
    mark: str
    news: str
    cell: str
    metric: str
    change: str
    values: str
    since: str
    age: str
    found: str
    standing: str
    context: str


def alert_words(alert: Alert, at: datetime, run_id: str = "") -> AlertWords:
    """The alert as it is told at a time, of a run's report or of none."""
    unit = METRICS[alert.metric].unit if alert.metric in METRICS else ""
    is_new, is_gone = run_id and alert.run_id == run_id, run_id and alert.closed_by == run_id
    return AlertWords(
        id=alert.id,
        state=alert.state.value,
        mark=MARKS[alert.state],
        news="new in this run" if is_new else "resolved by this run" if is_gone else "",
        cell=str(alert.cell),
        metric=alert.metric,
        change=change(alert.change),
        values=f"{number(alert.before)} → {quantity(alert.after, unit)}",
        since=day(alert.began),
        age=age(at - alert.began),
        found="; ".join((KINDS[alert.kind], certainty(alert))),
        standing=standing(alert),
        context=alert.context,
    )


def report_alerts(report: "Report") -> tuple[AlertWords, ...]:
    """The alerts of a run's cells: what it found, what is open, what is acknowledged, what it resolved; then by age."""
    run = report.run
    at = run.ended_at or run.started_at
    ordered = by_urgency(report.alerts)
    ordered = sorted(ordered, key=lambda alert: alert.run_id != run.id or alert.state.is_over)
    return tuple(alert_words(alert, at, run.id) for alert in ordered)


def by_urgency(alerts: Iterable[Alert]) -> list[Alert]:
    """Open ones first, those that are over last; of each the oldest first."""
    order = list(AlertState)
    return sorted(alerts, key=lambda alert: (order.index(alert.state), alert.began, alert.id))


def told(words: AlertWords) -> str:
    """The alert in one sentence."""
    news = f" ({words.news})" if words.news else ""
    context = f"; at that point {words.context}" if words.context else ""
    return (
        f"alert {words.id}{news}: {words.metric} of {words.cell} {words.change} ({words.values}) since {words.since}, "
        f"{words.age}, found by {words.found}{context}; {words.standing}"
    )


def counted(report: "Report") -> str:
    """How many there are of each state: "2 open (1 new), 1 acknowledged"."""
    new, states = len(report.new_alerts), [alert.state for alert in report.alerts]
    parts = [f"{states.count(state):,} {state}" for state in AlertState if state in states]
    return ", ".join(parts) + (f"; {new:,} new in this run" if new else "")


def age(span: timedelta) -> str:
    """How long ago, in days."""
    return f"{plural(span.days, 'day')} ago" if span.days > 0 else "today"


def certainty(alert: Alert) -> str:
    """How sure the change is: Welch's p, or the interval of the change."""
    if alert.p is not None:
        return f"p = {alert.p:.1g}"
    if alert.low is None or alert.high is None:
        return "a plain threshold"
    return f"{change(alert.low)} to {change(alert.high)}"


def standing(alert: Alert) -> str:
    """What became of it, by whom and why."""
    reason = f": {alert.reason}" if alert.reason else ""
    match alert.state:
        case AlertState.OPEN if alert.who:
            return f"open again: {alert.who} had acknowledged it{reason}"
        case AlertState.OPEN:
            return "open"
        case AlertState.ACKNOWLEDGED:
            return f"acknowledged by {alert.who} until {day(alert.until)}{reason}"
        case AlertState.RESOLVED:
            return f"resolved since {day(alert.back_since)}: {alert.closed_because} (run {alert.closed_by})"
        case AlertState.ACCEPTED:
            return f"accepted by {alert.who} on {day(alert.closed_at)}{reason}"
