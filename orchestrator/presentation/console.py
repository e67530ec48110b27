"""What is printed of a run: its result, on stdout."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from orchestrator.domain.outcome import FailureKind
from orchestrator.domain.report import CellReport, Report
from orchestrator.domain.session import Trust
from orchestrator.presentation.again import measured_again
from orchestrator.presentation.alert_table import print_alerts
from orchestrator.presentation.alert_words import report_alerts
from orchestrator.presentation.changes import summary_of
from orchestrator.presentation.conversion_words import conversion_notices
from orchestrator.presentation.gate_table import print_alike, print_verdicts
from orchestrator.presentation.gate_words import judged, worst_first
from orchestrator.presentation.progress import progress_listener
from orchestrator.presentation.terminal import TONES, add_row, open_console, plain, table
from orchestrator.presentation.text import (
    interval,
    number,
    percent,
    plural,
)
from orchestrator.presentation.verdict import TRUST_MARKS, answer, evidence, sensitivities, verdict_of

__all__ = ["print_report", "progress_listener"]

MOST_ROWS = 60  # more cells than this are for the page, not for a terminal
MOST_VERDICTS = 30
_WIDE = 100  # columns; with fewer, the memory is for the page
_TRUST_STYLES = {Trust.TRUSTED: "green", Trust.NOISY: "yellow", Trust.INVALID: "red"}
_TRUST_ORDER = {Trust.INVALID: 0, Trust.NOISY: 1, Trust.TRUSTED: 2}


def print_report(report: Report, folder: Path, *, stream: TextIO) -> None:
    """The result of a run: a table of cells, what failed, the verdict and where the report is."""
    console = open_console(stream)
    _print_cells(console, report)
    for line in conversion_notices(report.conversions):
        console.print(plain(line))
    _print_failures(console, report)
    _print_again(console, report)
    _print_gates(console, report)
    print_alerts(console, report_alerts(report)[:MOST_ROWS])
    if report.comparison:
        console.print(plain(f"against {report.comparison.baseline.id}: {summary_of(report.comparison)}"))
    for notice in report.notices:
        console.print(plain(f"note: {notice}"))
    verdict = verdict_of(report)
    console.print(
        Text(f"{verdict.mark} {verdict.word}", style=TONES[verdict.tone]),
        plain(f"{answer(report)} {evidence(report)}"),
    )
    console.print(plain(f"report: {folder / 'report.html'}"), soft_wrap=True)


def _print_cells(console: Console, report: Report) -> None:
    """The cells in order, or, of a large run, those to worry about first and as many as are read."""
    cells: Sequence[CellReport] = report.cells
    if len(cells) > MOST_ROWS:
        cells = sorted(cells, key=lambda cell: _TRUST_ORDER[cell.trust])[:MOST_ROWS]
    with_variants = len({cell.cell.variant for cell in report.cells}) > 1
    what = "p50 ms:" if report.headline == "latency_p50_ms" else "mean ms:"
    with_memory = console.width >= _WIDE
    shown = table("Model", "Device", *(["Variant"] if with_variants else []), what, "Range:", "Spread:", "Sens.:",
                  *(["Peak MB:"] if with_memory else []), "Jobs:", "Trust")  # fmt: skip
    for cell in cells:
        add_row(shown, _cell_row(cell, report.headline, with_variants, with_memory))
    console.print(shown)
    if len(cells) < len(report.cells):
        left = len(report.cells) - len(cells)
        console.print(plain(f"… and {plural(left, 'more cell')}; the report has them all", style="dim"))
    for line in sensitivities(report):
        console.print(plain(line, style="dim"))


def _cell_row(cell: CellReport, metric: str, with_variant: bool, with_memory: bool) -> list[str | Text]:
    latency, memory = cell.metric(metric), cell.metric("peak_memory_mb")
    return [
        cell.subject,
        cell.cell.device,
        *([cell.cell.variant] if with_variant else []),
        number(latency.value if latency else None),
        interval(latency),
        percent(latency.spread if latency and latency.n > 1 else None),
        percent(cell.sensitivity),
        *([number(memory.value if memory else None)] if with_memory else []),
        f"{cell.measured}/{cell.planned}",
        Text(f"{TRUST_MARKS[cell.trust]} {cell.trust}", style=_TRUST_STYLES[cell.trust]),
    ]


def _print_failures(console: Console, report: Report) -> None:
    """Failures by kind and reason: ten devices that crash alike are one line."""
    groups: dict[tuple[FailureKind, str], list[str]] = defaultdict(list)
    for job in report.jobs:
        if job.failed:
            groups[job.failed.kind, job.failed.reason].append(str(job.key))
    for (kind, reason), keys in sorted(groups.items(), key=lambda item: -len(item[1]))[:20]:
        more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
        console.print(Text(f"✕ {kind}", style="red"), plain(f"{plural(len(keys), 'job')}: {reason}"))
        console.print(plain(f"  {', '.join(keys[:3])}{more}", style="dim"))
    for cell in report.cells:
        if cell.reasons and cell.measured and len(report.cells) <= MOST_ROWS:
            console.print(Text("?", style="yellow"), plain(f"{cell.cell}: {'; '.join(cell.reasons)}"))


def _print_gates(console: Console, report: Report) -> None:
    if not report.gates:
        return
    console.print()
    found = worst_first(gate for gate in report.gates if gate.verdict != "pass")
    told = [gate for gate in found if gate.verdict != "warn" or not gate.is_open]
    print_verdicts(console, told[:MOST_VERDICTS])
    print_alike(console, (gate for gate in found if gate.verdict == "warn" and gate.is_open))
    more = f"… and {plural(len(told) - MOST_VERDICTS, 'more')}; " if len(told) > MOST_VERDICTS else ""
    console.print(plain(f"{more}{judged(report)}; 'bench gate {report.run.id}' tells all with their numbers"))


def _print_again(console: Console, report: Report) -> None:
    """The cells that were measured again, each session with its value, its reason and what followed."""
    told = measured_again(report)
    for session in told[:MOST_ROWS]:
        if session.number == "1":
            console.print(Text("measured again:", style="bold"), plain(session.cell))
        because = session.why if session.number == "1" else f"because {session.why}"
        for line in filter(None, (f"session {session.number}: {session.value}, {because}", session.outcome)):
            console.print(Padding(plain(line), (0, 0, 0, 2), expand=False))
    if len(told) > MOST_ROWS:
        console.print(plain(f"… and {plural(len(told) - MOST_ROWS, 'more session')}; the report has them all"))
