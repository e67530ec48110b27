"""Verdicts in the terminal, each with its numbers and its reason on lines of their own: they read at any width."""

from collections.abc import Iterable
from typing import TextIO

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from orchestrator.domain.report import GateResult, Report
from orchestrator.presentation.gate_words import gate_words, judged, worst_first
from orchestrator.presentation.terminal import open_console, plain

STYLES = {"fail": "bold red", "inconclusive": "bold yellow", "warn": "yellow", "pass": "green"}


def print_gates(report: Report, *, stream: TextIO) -> None:
    """All verdicts of a run, worst first, then how many there are: what `bench gate` prints."""
    console = open_console(stream)
    print_verdicts(console, worst_first(report.gates))
    console.print(plain(judged(report) if report.gates else "the plan has no gates"))


def print_verdicts(console: Console, gates: Iterable[GateResult]) -> None:
    """Each verdict as a block: mark, cell and rule, the numbers, the reason."""
    for gate in gates:
        words = gate_words(gate)
        console.print(
            Text(f"{words.mark} {words.verdict}", style=STYLES[words.verdict]), plain(f"{words.cell}: {words.rule}")
        )
        for line in filter(None, (words.numbers, words.reason)):
            console.print(Padding(plain(line), (0, 0, 0, 2)))
