"""All verdicts of a run in the terminal: what `bench gate` prints."""

from typing import TextIO

from rich.text import Text

from orchestrator.domain.report import GateResult, Report
from orchestrator.presentation.terminal import add_row, open_console, plain, table
from orchestrator.presentation.text import MISSING, number, percent, plural

_STYLES = {"fail": "bold red", "inconclusive": "bold yellow", "warn": "yellow", "pass": "green"}  # worst first


def print_gates(report: Report, *, stream: TextIO) -> None:
    """A line for each rule and cell, worst first, each with its numbers and its reason; then the counts."""
    console = open_console(stream)
    shown = table("Verdict", "Gate", "Cell", "Value:", "Baseline:", "Change:", "Reason")
    order = list(_STYLES)
    for gate in sorted(report.gates, key=lambda gate: order.index(gate.verdict)):
        verdict = Text(gate.verdict, style=_STYLES[gate.verdict])
        numbers = [number(gate.value), number(gate.baseline), _change(gate)]
        add_row(shown, [verdict, f"{gate.metric} {gate.rule}", str(gate.cell), *numbers, gate.reason])
    console.print(shown if report.gates else plain("the plan has no gates"))
    counts = {verdict: sum(gate.verdict == verdict for gate in report.gates) for verdict in order}
    told = ", ".join(f"{count:,} {verdict}" for verdict, count in counts.items() if count)
    console.print(plain(f"{plural(len(report.gates), 'verdict')}{': ' if told else ''}{told}"))


def _change(gate: GateResult) -> str:
    if gate.change is None:
        return MISSING
    interval = f" [{percent(gate.low)}, {percent(gate.high)}]" if gate.low is not None else ""
    return f"{percent(gate.change)}{interval}"
