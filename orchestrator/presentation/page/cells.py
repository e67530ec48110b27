"""The table of all cells. A large run writes the first rows as HTML and the rest as data for the page's script."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.domain.job import JobResult
from orchestrator.domain.report import CellReport, Report
from orchestrator.domain.session import Trust
from orchestrator.presentation.changes import WORDS, standing_word
from orchestrator.presentation.conversion_words import file_in_short
from orchestrator.presentation.escape import printable
from orchestrator.presentation.gate_words import MARKS
from orchestrator.presentation.page.names import metric_label
from orchestrator.presentation.text import MISSING, change, interval, number, percent
from orchestrator.presentation.verdict import TRUST_MARKS

ROWS_AS_HTML = 200
METRIC_COLUMNS = (
    "latency_ms",
    "latency_p90_ms",
    "latency_p99_ms",
    "first_inference_ms",
    "load_ms",
    "peak_memory_mb",
)
_ORDER = {Trust.INVALID: 0, Trust.NOISY: 1, Trust.TRUSTED: 2}
_LONGEST_REASON = 160
_MOST_CHOICES = 250


# A column for the script: its texts, or {"values": distinct texts, "index": one for each row}.
Encoded = Sequence[str] | Mapping[str, Sequence[object]]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column; numbers stand right and sort by value. `choices` makes it a filter with these values.

    `key` names it in links to a view, so that they outlive a change of the label.
    """

    key: str
    label: str
    texts: Sequence[str]
    is_number: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CellsTable:
    """`rows` are the texts of the first rows, those to worry about first; `rest` the other rows, column by column.

    `counts` gives the cells of each trust with its mark.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    rest: tuple[Encoded, ...]
    total: int
    counts: tuple[tuple[str, str, int], ...]


def cells_table(report: Report) -> CellsTable:
    """The section. A column in which all cells say the same, or nothing, is left out."""
    cells = cells_in_order(report)
    columns = (
        *_names(cells, report),
        *_numbers(cells, report),
        *_verdicts(cells, report),
        *_evidence(cells, report),
    )
    rows = list(zip(*(column.texts for column in columns), strict=True))
    return CellsTable(
        columns=columns,
        rows=tuple(rows[:ROWS_AS_HTML]),
        rest=tuple(encoded(column.texts[ROWS_AS_HTML:]) for column in columns) if rows[ROWS_AS_HTML:] else (),
        total=len(rows),
        counts=tuple((trust.value, TRUST_MARKS[trust], sum(1 for c in cells if c.trust is trust)) for trust in Trust),
    )


def cells_in_order(report: Report) -> list[CellReport]:
    """The cells as the page numbers them: those to worry about first."""
    return sorted(report.cells, key=lambda cell: _ORDER[cell.trust])


def _names(cells: Sequence[CellReport], report: Report) -> Iterator[Column]:
    yield Column(key="trust", label="Trust", texts=[f"{TRUST_MARKS[cell.trust]} {cell.trust}" for cell in cells])
    yield _chosen("Model", [cell.cell.model for cell in cells])
    yield _chosen("Device", [cell.cell.device for cell in cells])
    devices = {device.name: device for device in report.devices}
    found = [devices.get(cell.cell.device) for cell in cells]
    jobs = report.jobs_by_cell
    further = (
        _chosen("Variant", [cell.cell.variant for cell in cells]),
        _chosen("Platform", [device.platform if device else "" for device in found]),
        Column(key="os", label="OS", texts=[device.os if device else "" for device in found]),
        _chosen("File", [file_in_short(cell.file) if cell.file else "" for cell in cells]),
        _chosen("Runtime", [_runtimes(jobs.get(cell.cell, ())) for cell in cells]),
    )
    has_converted = any(cell.file and cell.file.converted_by for cell in cells)
    yield from (column for column in further if len(set(column.texts)) > 1 or (column.key == "file" and has_converted))


def _chosen(label: str, texts: Sequence[str]) -> Column:
    """A column that can be filtered by its values, where there are several and not too many."""
    values = tuple(dict.fromkeys(filter(None, texts)))
    return Column(
        key=label.lower(), label=label, texts=texts, choices=values if 1 < len(values) <= _MOST_CHOICES else ()
    )


def _runtimes(jobs: Sequence[JobResult]) -> str:
    return ", ".join(
        dict.fromkeys(m.runtime for job in jobs if job.measured and (m := job.measured.measurement).runtime)
    )


def _numbers(cells: Sequence[CellReport], report: Report) -> Iterator[Column]:
    headline = report.headline
    latencies = [cell.metric(headline) for cell in cells]
    yield _metric(headline, cells)
    yield Column(key="range", label="range", texts=[interval(latency) for latency in latencies])
    spreads = [percent(latency.spread if latency and latency.n > 1 else None) for latency in latencies]
    yield Column(key="spread", label="spread", texts=spreads, is_number=True)
    if any(cell.sensitivity_reason for cell in cells):
        seen = [percent(cell.sensitivity) for cell in cells]
        yield Column(key="sensitivity", label="sensitivity", texts=seen, is_number=True)
        yield Column(key="sessions", label="sessions ms", texts=[_sessions(cell) for cell in cells])
    for name in METRIC_COLUMNS:
        if name != headline and any(name in cell.metrics for cell in cells):
            yield _metric(name, cells)


def _sessions(cell: CellReport) -> str:
    """What each session came to, its best job unless it says otherwise: "12.1, 13.0", "12.4 (median)"."""
    values = ", ".join(number(session.value) for session in cell.sessions)
    is_median = bool(cell.sessions) and cell.sessions[0].statistic == "median"
    return f"{values} (median)" if is_median else values or MISSING


def _metric(name: str, cells: Sequence[CellReport]) -> Column:
    found = [cell.metric(name) for cell in cells]
    texts = [number(summary.value if summary else None) for summary in found]
    return Column(key=name, label=metric_label(name), texts=texts, is_number=True)


def _verdicts(cells: Sequence[CellReport], report: Report) -> Iterator[Column]:
    """The change against the baseline and the worst gate of each cell, where there are any."""
    if report.comparison:
        metric, found = report.comparison.metric, report.comparison.by_cell
        compared = [found.get(cell.cell) for cell in cells]
        words = [
            f"{WORDS[one.standing].mark} {standing_word(one.standing, metric)}" if one else MISSING for one in compared
        ]
        told = [one.changes.get(metric) if one else None for one in compared]
        yield Column(
            key="change", label="change", texts=[change(t.change if t else None) for t in told], is_number=True
        )
        yield _chosen("Baseline", words)
    if report.gates:
        worst = {gate.cell: gate.verdict for gate in sorted(report.gates, key=lambda g: -list(MARKS).index(g.verdict))}
        texts = [f"{MARKS[worst[cell.cell]]} {worst[cell.cell]}" if cell.cell in worst else MISSING for cell in cells]
        yield _chosen("Gate", texts)


def _evidence(cells: Sequence[CellReport], report: Report) -> Iterator[Column]:
    accelerated = [_accelerated(cell) for cell in cells]
    if set(accelerated) - {MISSING, "0%"}:
        yield Column(key="off_cpu", label="off CPU", texts=accelerated, is_number=True)
    yield Column(key="jobs", label="jobs", texts=[f"{cell.measured}/{cell.planned}" for cell in cells], is_number=True)
    jobs = report.jobs_by_cell
    yield Column(key="why", label="Why", texts=[_why(cell, jobs.get(cell.cell, ())) for cell in cells])


def _accelerated(cell: CellReport) -> str:
    """The share of the layers' time that was not the CPU's; missing where the units are not known."""
    known = {unit.lower(): share for unit, share in cell.unit_shares.items() if unit != "unknown"}
    return percent(1 - known.get("cpu", 0.0)) if known else MISSING


def _why(cell: CellReport, jobs: Sequence[JobResult]) -> str:
    kinds = dict.fromkeys(job.failed.kind.replace("_", " ") for job in jobs if job.failed)
    unseen = f"sensitivity: {cell.sensitivity_reason}" if cell.sensitivity is None and cell.sensitivity_reason else ""
    text = "; ".join(filter(None, [*kinds, *cell.reasons, unseen]))
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1] + "…"


def encoded(texts: Sequence[str]) -> Encoded:
    """Each distinct text once where a column repeats itself, else the plain texts."""
    safe = [printable(text) for text in texts]
    values = {text: index for index, text in enumerate(dict.fromkeys(safe))}
    if 2 * len(values) > len(safe):
        return safe
    return {"values": list(values), "index": [values[text] for text in safe]}
