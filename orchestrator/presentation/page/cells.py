"""The table of all cells. A large run writes the first rows as HTML and the rest as data for the page's script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.domain.device import Device
from orchestrator.domain.job import JobResult
from orchestrator.domain.report import CellReport, Report, Trust
from orchestrator.presentation.escape import printable
from orchestrator.presentation.page.names import metric_label
from orchestrator.presentation.text import interval, number, percent
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


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column; numbers stand right and sort by value."""

    label: str
    is_number: bool = False


@dataclass(frozen=True, kw_only=True)
class CellsTable:
    """`rows` are the texts of the first rows, those to worry about first; `rest` the other rows, column by column.

    Each column of `rest` is {"values": distinct texts, "index": one for each row}. `counts` gives the cells of each
    trust, `models` and `platforms` the choices of the filters.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    rest: tuple[Mapping[str, Sequence[object]], ...]
    total: int
    counts: tuple[tuple[str, str, int], ...]
    models: tuple[str, ...]
    platforms: tuple[str, ...]


def cells_table(report: Report) -> CellsTable:
    """The section."""
    metrics = [m for m in METRIC_COLUMNS if m != report.headline and any(m in cell.metrics for cell in report.cells)]
    devices = {device.name: device for device in report.devices}
    jobs = report.jobs_by_cell
    ordered = sorted(report.cells, key=lambda cell: _ORDER[cell.trust])
    rows = tuple(
        _row(cell, devices.get(cell.cell.device), jobs.get(cell.cell, ()), report.headline, metrics) for cell in ordered
    )
    return CellsTable(
        columns=_columns(report.headline, metrics),
        rows=rows[:ROWS_AS_HTML],
        rest=_encoded(rows[ROWS_AS_HTML:]),
        total=len(rows),
        counts=tuple(
            (trust.value, TRUST_MARKS[trust], sum(1 for cell in ordered if cell.trust is trust)) for trust in Trust
        ),
        models=tuple(dict.fromkeys(cell.cell.model for cell in report.cells)),
        platforms=tuple(dict.fromkeys(str(device.platform) for device in report.devices)),
    )


def _columns(headline: str, metrics: Sequence[str]) -> tuple[Column, ...]:
    texts = [Column(label=label) for label in ("Trust", "Model", "Device", "Variant", "Platform", "OS", "Runtime")]
    spread = [Column(label=metric_label(headline), is_number=True), Column(label="range"), _number("spread")]
    more = [_number(metric_label(name)) for name in metrics]
    return (*texts, *spread, *more, _number("accelerated"), _number("jobs"), Column(label="Why"))


def _number(label: str) -> Column:
    return Column(label=label, is_number=True)


def _row(
    cell: CellReport, device: Device | None, jobs: Sequence[JobResult], headline: str, metrics: Sequence[str]
) -> tuple[str, ...]:
    latency = cell.metric(headline)
    runtimes = dict.fromkeys(job.measured.measurement.runtime for job in jobs if job.measured)
    values = [cell.metric(name) for name in metrics]
    return (
        f"{TRUST_MARKS[cell.trust]} {cell.trust}",
        cell.cell.model,
        cell.cell.device,
        cell.cell.variant,
        device.platform if device else "",
        device.os if device else "",
        ", ".join(filter(None, runtimes)),
        number(latency.value if latency else None),
        interval(latency),
        percent(latency.spread if latency and latency.n > 1 else None),
        *(number(value.value if value else None) for value in values),
        _accelerated(cell),
        f"{cell.measured}/{cell.planned}",
        _why(cell, jobs),
    )


def _accelerated(cell: CellReport) -> str:
    """The share of the layers' time that was not the CPU's; "–" where the units are not known."""
    known = {unit.lower(): share for unit, share in cell.unit_shares.items() if unit != "unknown"}
    return percent(1 - known.get("cpu", 0.0)) if known else percent(None)


def _why(cell: CellReport, jobs: Sequence[JobResult]) -> str:
    kinds = dict.fromkeys(job.failed.kind.replace("_", " ") for job in jobs if job.failed)
    text = "; ".join([*kinds, *cell.reasons])
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1] + "…"


def _encoded(rows: Sequence[tuple[str, ...]]) -> tuple[Mapping[str, Sequence[object]], ...]:
    """Columns with each distinct text once: most columns repeat themselves."""
    columns: list[Mapping[str, Sequence[object]]] = []
    for texts in zip(*rows, strict=True):
        values = {text: index for index, text in enumerate(dict.fromkeys(texts))}
        columns.append({"values": [printable(value) for value in values], "index": [values[text] for text in texts]})
    return tuple(columns)
