"""Verdicts in the terminal, each with its numbers and its reason on lines of their own: they read at any width."""

from collections import defaultdict
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from orchestrator.domain.report import GateResult, Report
from orchestrator.presentation.gate_words import GateWords, gate_words, judged, worst_first
from orchestrator.presentation.terminal import open_console, plain
from orchestrator.presentation.text import plural

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
            console.print(Padding(plain(line), (0, 0, 0, 2), expand=False))


def print_alike(console: Console, gates: Iterable[GateResult]) -> None:
    """Verdicts that are open for the same reason as one line each: on its first night every cell has no baseline."""
    groups: dict[tuple[str, str], list[GateWords]] = defaultdict(list)
    for words in map(gate_words, gates):
        groups[words.rule, words.reason].append(words)
    for (rule, reason), alike in groups.items():
        cells = alike[0].cell if len(alike) == 1 else plural(len(alike), "cell")
        console.print(
            Text(f"{alike[0].mark} {alike[0].verdict}", style=STYLES[alike[0].verdict]),
            plain(f"{cells}: {rule}: {reason}"),
        )
