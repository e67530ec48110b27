"""summary.md: the run for a GitHub step summary, a comment or a mail body. What matters most comes first.

A GitHub step summary may have 1 MiB; this stays below it and says what it leaves out. Within each part the largest
comes first, so that what is cut is what matters least.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from orchestrator.domain.ranking import rank
from orchestrator.domain.report import CellReport, Report, Trust
from orchestrator.presentation.comparison_report import markdown_lines
from orchestrator.presentation.escape import markdown
from orchestrator.presentation.text import interval, number, percent, plural, times
from orchestrator.presentation.verdict import TRUST_MARKS, answer, evidence, verdict_of

LIMIT_BYTES = 1024 * 1024
MOST_CHANGES = 50


def to_markdown(report: Report) -> str:
    """The summary, cut at a line's end before LIMIT_BYTES."""
    lines: list[str] = []
    room = LIMIT_BYTES - 500
    for line in _lines(report):
        room -= len(line.encode("utf-8", "replace")) + 1
        if room < 0:
            lines += ["", "*Cut here: all the rest is in report.html and results.json.*"]
            lines += ["", "</details>"] if "<details>" in "".join(lines) else []
            break
        lines.append(line)
    return "\n".join(lines) + "\n"


def _lines(report: Report) -> Iterator[str]:
    verdict = verdict_of(report)
    yield f"## {verdict.mark} {verdict.word}: {markdown(report.run.plan)}"
    yield from ("", f"{markdown(answer(report))} {markdown(evidence(report))}")
    if any(model.random_weights for model in report.models):
        yield from ("", "Some models have random weights: their speed is measured, their answers mean nothing.")
    if report.comparison:
        yield ""
        yield from markdown_lines(report.comparison, most=MOST_CHANGES)
    yield from _gates(report)
    yield from _models(report)
    yield from _failures(report)
    yield from _cells(report)
    yield from ("", f"<sub>Run {markdown(report.run.id)}, bench {markdown(report.run.tool_version)}. "
                    "Values are medians over jobs; ranges are the lowest and the highest job.</sub>")  # fmt: skip


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table under its title; nothing where there are no rows. Heads that end with ":" align right."""
    first = True
    for row in rows:
        if first:
            yield from ("", f"### {title}", "", f"| {' | '.join(head.rstrip(':') for head in heads)} |")
            yield f"|{'|'.join('--:' if head.endswith(':') else '---' for head in heads)}|"
            first = False
        yield f"| {' | '.join(row)} |"


def _gates(report: Report) -> Iterator[str]:
    order = ("fail", "inconclusive", "warn", "pass")
    open_gates = (gate for gate in report.gates if gate.verdict != "pass")
    gates = sorted(open_gates, key=lambda gate: (order.index(gate.verdict), -abs(gate.change or 0.0)))
    yield from _table(
        f"Gates that did not pass ({len(gates):,} of {len(report.gates):,})",
        ("Verdict", "Cell", "Rule", "Value:", "Baseline:", "Reason"),
        (
            (
                gate.verdict,
                markdown(str(gate.cell)),
                markdown(f"{gate.metric} {gate.rule}"),
                number(gate.value),
                number(gate.baseline),
                markdown(gate.reason),
            )
            for gate in gates
        ),
    )


def _models(report: Report) -> Iterator[str]:
    yield from _table(
        f"Fastest and slowest ({report.headline})",
        ("Model", "Fastest", "ms:", "Slowest", "ms:", "Ratio:"),
        (
            (
                markdown(ranking.model),
                markdown(_place(ranking.best.cell)),
                number(ranking.best.summary.value),
                markdown(_place(ranking.worst.cell)),
                number(ranking.worst.summary.value),
                times(ranking.worst.ratio),
            )
            for ranking in rank(report.cells, report.headline)
        ),
    )


def _place(cell: CellReport) -> str:
    return str(cell.cell).removeprefix(f"{cell.cell.model} on ")


def _failures(report: Report) -> Iterator[str]:
    failed = [(job.key.cell, job.failed) for job in report.jobs if job.failed]
    counted = Counter((failure.kind, failure.reason) for _, failure in failed)
    yield from _table(
        f"Failures ({len(failed):,})",
        ("Kind", "Jobs:", "Reason"),
        ((kind.value, f"{count:,}", markdown(reason)) for (kind, reason), count in counted.most_common(20)),
    )


def _cells(report: Report) -> Iterator[str]:
    """All cells, those to worry about first and of them the widest spread, folded away."""
    order = {Trust.INVALID: 0, Trust.NOISY: 1, Trust.TRUSTED: 2}
    headline = report.headline
    cells = sorted(report.cells, key=lambda cell: (order[cell.trust], -_spread(cell, headline)))
    yield from ("", f"<details><summary>All {plural(len(cells), 'cell')}</summary>")
    yield from _table(
        "Cells",
        ("Trust", "Model", "Device", "ms:", "Range", "Spread:", "MB:", "Jobs:", "Why"),
        (_cell_row(cell, report.headline) for cell in cells),
    )
    yield from ("", "</details>")


def _spread(cell: CellReport, metric: str) -> float:
    found = cell.metric(metric)
    return found.spread if found else 0.0


def _cell_row(cell: CellReport, metric: str) -> Sequence[str]:
    latency, memory = cell.metric(metric), cell.metric("peak_memory_mb")
    return (
        f"{TRUST_MARKS[cell.trust]} {cell.trust}",
        markdown(cell.cell.model),
        markdown(_place(cell)),
        number(latency.value if latency else None),
        interval(latency),
        percent(latency.spread if latency else None),
        number(memory.value if memory else None),
        f"{cell.measured}/{cell.planned}",
        markdown("; ".join(cell.reasons), 120),
    )
