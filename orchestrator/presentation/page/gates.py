"""The gates: each rule's verdict on each cell, what did not pass first."""

from dataclasses import dataclass

from orchestrator.domain.report import Report
from orchestrator.presentation.gate_words import GateWords, gate_words, judged, worst_first
from orchestrator.presentation.text import plural

MOST_ROWS = 200


@dataclass(frozen=True, kw_only=True)
class Gates:
    """The first MOST_ROWS, and in words what was left out. `summary` counts the verdicts."""

    rows: tuple[GateWords, ...]
    left_out: str
    summary: str
    has_intervals: bool
    has_sensitivities: bool
    has_sessions: bool


def gates(report: Report) -> Gates:
    """The section; `rows` is empty where the run had no gates."""
    ordered = worst_first(report.gates)
    hidden = ordered[MOST_ROWS:]
    verdicts = ", ".join(dict.fromkeys(gate.verdict for gate in hidden))
    left_out = f"{plural(len(hidden), 'more verdict')} ({verdicts}) in gates.csv." if hidden else ""
    rows = tuple(map(gate_words, ordered[:MOST_ROWS]))
    return Gates(
        rows=rows,
        left_out=left_out,
        summary=judged(report),
        has_intervals=any(row.interval for row in rows),
        has_sensitivities=any(row.sensitivity for row in rows),
        has_sessions=any(row.sessions for row in rows),
    )
