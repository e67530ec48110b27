"""The gates: each rule's verdict on each cell, what did not pass first."""

from collections import Counter
from dataclasses import dataclass

from orchestrator.domain.report import GateResult, Report
from orchestrator.presentation.text import change, number, percent, plural

MOST_ROWS = 300
MARKS = {"fail": "✕", "inconclusive": "?", "warn": "!", "pass": "✓"}


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
    interval: str
    sensitivity: str
    sessions: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Gates:
    """The first MOST_ROWS, and in words what was left out. `summary` counts the verdicts."""

    rows: tuple[GateRow, ...]
    left_out: str
    summary: str
    has_intervals: bool
    has_sensitivities: bool
    has_sessions: bool


def gates(report: Report) -> Gates:
    """The section; `rows` is empty where the run had no gates."""
    ordered = sorted(report.gates, key=lambda gate: list(MARKS).index(gate.verdict))
    hidden = ordered[MOST_ROWS:]
    verdicts = ", ".join(dict.fromkeys(gate.verdict for gate in hidden))
    left_out = f"{plural(len(hidden), 'more verdict')} ({verdicts}) in results.json." if hidden else ""
    rows = tuple(map(_row, ordered[:MOST_ROWS]))
    counts = Counter(gate.verdict for gate in ordered)
    return Gates(
        rows=rows,
        left_out=left_out,
        summary=", ".join(f"{MARKS[verdict]} {counts[verdict]:,} {verdict}" for verdict in MARKS if counts[verdict]),
        has_intervals=any(row.interval for row in rows),
        has_sensitivities=any(row.sensitivity for row in rows),
        has_sessions=any(row.sessions for row in rows),
    )


def _row(gate: GateResult) -> GateRow:
    return GateRow(
        verdict=gate.verdict,
        mark=MARKS[gate.verdict],
        rule=f"{gate.metric} {gate.rule}",
        cell=str(gate.cell),
        value=number(gate.value),
        baseline=number(gate.baseline),
        change=change(gate.change),
        interval=f"{change(gate.low)} to {change(gate.high)}" if gate.low is not None and gate.high is not None else "",
        sensitivity=percent(gate.sensitivity) if gate.sensitivity is not None else "",
        sessions=_sessions(gate),
        reason=gate.reason,
    )


def _sessions(gate: GateResult) -> str:
    """What the verdict rests on: "1 / 12, best"."""
    if not gate.sessions and not gate.baseline_sessions:
        return ""
    return f"{gate.sessions} / {gate.baseline_sessions}" + (f", {gate.statistic}" if gate.statistic else "")
