"""The alerts of the run's cells: new ones first, then what is open, by age."""

from dataclasses import dataclass

from orchestrator.domain.report import Report
from orchestrator.presentation.alert_words import AlertWords, counted, report_alerts
from orchestrator.presentation.text import plural

MOST_ROWS = 300


@dataclass(frozen=True, kw_only=True)
class Alerts:
    """The first MOST_ROWS, and in words what was left out. `summary` counts the states."""

    rows: tuple[AlertWords, ...]
    left_out: str
    summary: str


def alerts(report: Report) -> Alerts:
    """The section; `rows` is empty where there is nothing to tell."""
    told = report_alerts(report)
    hidden = len(told) - MOST_ROWS
    left_out = f"{plural(hidden, 'more alert')} in results.json." if hidden > 0 else ""
    return Alerts(rows=told[:MOST_ROWS], left_out=left_out, summary=counted(report))
