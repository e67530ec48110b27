"""A gate's verdict in words, the same in every output."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.domain.report import GateResult, Report
from orchestrator.presentation.text import MISSING, change, number, percent, plural

MARKS = {"fail": "✕", "inconclusive": "?", "warn": "!", "pass": "✓"}  # worst first


@dataclass(frozen=True, kw_only=True)
class GateWords:
    """One rule on one cell. `sessions` are those judged and those of the baseline, with what a session amounts to."""

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

    @property
    def numbers(self) -> str:
        """What is known: "12.0 against 10.0, +20% (+17% to +23%), sensitivity 3.1%, sessions 2 / 9, best"."""
        against = f"{self.value} against {self.baseline}" if self.baseline != MISSING else self.value
        interval = f" ({self.interval})" if self.interval else ""
        changed = f"{self.change}{interval}" if self.change != MISSING else ""
        sensitivity = f"sensitivity {self.sensitivity}" if self.sensitivity else ""
        sessions = f"sessions {self.sessions}" if self.sessions else ""
        return ", ".join(part for part in (against, changed, sensitivity, sessions) if part)


def gate_words(gate: GateResult) -> GateWords:
    """The texts of one verdict."""
    return GateWords(
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
        reason="; ".join(filter(None, (gate.reason, gate.likely))),
    )


def _sessions(gate: GateResult) -> str:
    """ "2 / 12, best"; without a baseline "2, median", and "" without either."""
    if not gate.sessions and not gate.baseline_sessions:
        return ""
    past = f" / {gate.baseline_sessions}" if gate.baseline_sessions or gate.baseline is not None else ""
    return f"{gate.sessions}{past}" + (f", {gate.statistic}" if gate.statistic else "")


def worst_first(gates: Iterable[GateResult]) -> list[GateResult]:
    """By verdict, then the largest change."""
    order = list(MARKS)
    return sorted(gates, key=lambda gate: (order.index(gate.verdict), -abs(gate.change or 0.0)))


def judged(report: Report) -> str:
    """How much was judged, and how it went: "6 verdicts on 3 cells: ✕ 1 fail, ✓ 5 pass"."""
    counts = Counter(gate.verdict for gate in report.gates)
    cells = len({gate.cell for gate in report.gates})
    told = ", ".join(f"{MARKS[verdict]} {counts[verdict]:,} {verdict}" for verdict in MARKS if counts[verdict])
    return f"{plural(len(report.gates), 'verdict')} on {plural(cells, 'cell')}: {told}"
