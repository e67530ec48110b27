"""summary.md: the run for a GitHub step summary, a comment or a mail body. What matters most comes first.

A GitHub step summary may have 1 MiB; this stays below it and says what it leaves out. Within each part the largest
comes first, so that what is cut is what matters least.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from orchestrator.domain.ranking import rank
from orchestrator.domain.report import CellReport, Report
from orchestrator.domain.session import Trust
from orchestrator.presentation.again import measured_again
from orchestrator.presentation.alert_words import counted, report_alerts
from orchestrator.presentation.comparison_report import markdown_lines
from orchestrator.presentation.conversion_words import conversion_line, hub_words
from orchestrator.presentation.escape import markdown
from orchestrator.presentation.gate_words import GateWords, gate_words, judged, worst_first
from orchestrator.presentation.text import MISSING, interval, number, percent, plural, times
from orchestrator.presentation.verdict import TRUST_MARKS, answer, evidence, sensitivities, verdict_of

LIMIT_BYTES = 1024 * 1024
MOST_CHANGES = 50
_GATE_HEADS = ("Verdict", "Cell", "Rule", "Value:", "Baseline:", "Change:", "Interval", "Sens.:", "Sessions", "Reason")


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
    yield from _alerts(report)
    yield from _gates(report)
    yield from _again(report)
    yield from _conversions(report)
    yield from _models(report)
    yield from _failures(report)
    yield from _cells(report)
    yield from ("", f"<sub>Run {markdown(report.run.id)}, bench {markdown(report.run.tool_version)}. "
                    "Values are medians over jobs; ranges are the lowest and the highest job.</sub>")  # fmt: skip


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table under its title, if it has one; nothing where there are no rows. Heads that end with ":" align right."""
    first = True
    for row in rows:
        if first:
            yield from ("", f"### {title}") if title else ()
            yield from ("", f"| {' | '.join(head.rstrip(':') for head in heads)} |")
            yield f"|{'|'.join('--:' if head.endswith(':') else '---' for head in heads)}|"
            first = False
        yield f"| {' | '.join(row)} |"


def _alerts(report: Report) -> Iterator[str]:
    yield from _table(
        f"Alerts ({counted(report)})",
        ("Alert", "State", "Cell", "Metric", "Change:", "Since", "Found by", "What became of it"),
        (
            (
                f"`{words.id}`",
                f"{words.mark} {words.state}" + (f", **{words.news}**" if words.news else ""),
                markdown(words.cell),
                markdown(words.metric),
                f"{words.change} ({words.values})",
                f"{words.since}, {words.age}",
                markdown("; ".join(filter(None, (words.found, words.context)))),
                markdown(words.standing),
            )
            for words in report_alerts(report)
        ),
    )


def _gates(report: Report) -> Iterator[str]:
    """Those that did not pass, then, folded away, the others."""
    if not report.gates:
        return
    yield from ("", "### Gates", "", f"{markdown(judged(report))}.")
    told = [gate_words(gate) for gate in worst_first(report.gates)]
    passed = [words for words in told if words.verdict == "pass"]
    yield from _table("", _GATE_HEADS, (_gate_row(words) for words in told if words.verdict != "pass"))
    if passed:
        yield from ("", f"<details><summary>{plural(len(passed), 'verdict')} passed</summary>")
        yield from _table("", _GATE_HEADS, map(_gate_row, passed))
        yield from ("", "</details>")


def _gate_row(words: GateWords) -> Sequence[str]:
    numbers = (words.value, words.baseline, words.change, words.interval or MISSING, words.sensitivity or MISSING)
    texts = map(markdown, (f"{words.mark} {words.verdict}", words.cell, words.rule))
    return (*texts, *numbers, words.sessions or MISSING, markdown(words.reason))


def _again(report: Report) -> Iterator[str]:
    yield from _table(
        "Measured again",
        ("Cell", "Session:", "Value", "Trust", "Why", "What came of it"),
        (
            tuple(map(markdown, (found.cell, found.number, found.value, found.trust, found.why, found.outcome)))
            for found in measured_again(report)
        ),
    )


def _models(report: Report) -> Iterator[str]:
    yield from _table(
        f"Fastest and slowest ({report.headline})",
        ("Model", "Fastest", "ms:", "Slowest", "ms:", "Ratio:"),
        (
            (
                markdown(ranking.subject),
                markdown(_place(ranking.best.cell)),
                number(ranking.best.summary.value),
                markdown(_place(ranking.worst.cell)),
                number(ranking.worst.summary.value),
                times(ranking.worst.ratio),
            )
            for ranking in rank(report.cells, report.headline)
        ),
    )


def _conversions(report: Report) -> Iterator[str]:
    if report.conversions:
        yield from ("", "### Converted models", "")
    for one in report.conversions:
        yield f"- {markdown('; '.join((conversion_line(one), *hub_words(one, report.jobs))))}"


def _place(cell: CellReport) -> str:
    return str(cell.cell).removeprefix(f"{cell.cell.model} on ")


def _failures(report: Report) -> Iterator[str]:
    failed = [(job.failed, " (control)" if job.key.control else "") for job in report.jobs if job.failed]
    counted = Counter((failure.kind, failure.reason + role) for failure, role in failed)
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
        ("Trust", "Model", "Device", "ms:", "Range", "Spread:", "Sens.:", "MB:", "Jobs:", "Why"),
        (_cell_row(cell, report.headline) for cell in cells),
    )
    yield from (f"\n{markdown(line)}" for line in sensitivities(report))
    yield from ("", "</details>")


def _spread(cell: CellReport, metric: str) -> float:
    found = cell.metric(metric)
    return found.spread if found else 0.0


def _cell_row(cell: CellReport, metric: str) -> Sequence[str]:
    latency, memory = cell.metric(metric), cell.metric("peak_memory_mb")
    return (
        f"{TRUST_MARKS[cell.trust]} {cell.trust}",
        markdown(cell.subject),
        markdown(_place(cell)),
        number(latency.value if latency else None),
        interval(latency),
        percent(latency.spread if latency else None),
        percent(cell.sensitivity),
        number(memory.value if memory else None),
        f"{cell.measured}/{cell.planned}",
        markdown("; ".join(cell.reasons), 120),
    )
