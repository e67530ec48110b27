"""The cells that had more than one session: what each came to, why it was measured, and what followed."""

from dataclasses import dataclass

from orchestrator.domain.report import Report
from orchestrator.presentation.again import SessionWords, measured_again
from orchestrator.presentation.text import plural

MOST_ROWS = 150


@dataclass(frozen=True, kw_only=True)
class Again:
    """The first MOST_ROWS sessions, and in words what was left out."""

    rows: tuple[SessionWords, ...]
    left_out: str


def again(report: Report) -> Again:
    """The section; `rows` is empty where every cell had one session."""
    told = measured_again(report)
    hidden = len(told) - MOST_ROWS
    left_out = f"{plural(hidden, 'more session')} in results.json." if hidden > 0 else ""
    return Again(rows=told[:MOST_ROWS], left_out=left_out)
