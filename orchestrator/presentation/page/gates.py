"""The gates: each rule's verdict on each cell, what did not pass first."""

from dataclasses import dataclass

from orchestrator.domain.report import GateResult, Report
from orchestrator.presentation.text import change, number, plural

MOST_ROWS = 300
_MARKS = {"fail": "✕", "inconclusive": "?", "warn": "!", "pass": "✓"}


@dataclass(frozen=True, kw_only=True)
class GateRow:
    """One rule on one cell."""

    verdict: str
    mark: str
    rule: str
    cell: str
    value: str
    baseline: str
    change: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Gates:
    """The first MOST_ROWS, and in words what was left out."""

    rows: tuple[GateRow, ...]
    left_out: str


def gates(report: Report) -> Gates:
    """The section; `rows` is empty where the run had no gates."""
    ordered = sorted(report.gates, key=lambda gate: list(_MARKS).index(gate.verdict))
    hidden = ordered[MOST_ROWS:]
    verdicts = ", ".join(dict.fromkeys(gate.verdict for gate in hidden))
    left_out = f"{plural(len(hidden), 'more verdict')} ({verdicts}) in results.json." if hidden else ""
    return Gates(rows=tuple(map(_row, ordered[:MOST_ROWS])), left_out=left_out)


def _row(gate: GateResult) -> GateRow:
    return GateRow(
        verdict=gate.verdict,
        mark=_MARKS[gate.verdict],
        rule=f"{gate.metric} {gate.rule}",
        cell=str(gate.cell),
        value=number(gate.value),
        baseline=number(gate.baseline),
        change=change(gate.change),
        reason=gate.reason,
    )
