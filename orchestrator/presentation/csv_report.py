"""results.csv: one row for each cell; gates.csv: one for each verdict (RFC 4180: CRLF, quoted where needed, UTF-8)."""

import csv
import io
from collections.abc import Iterable, Iterator

from orchestrator.domain.conversion import MeasuredFile
from orchestrator.domain.job import JobResult
from orchestrator.domain.measurement import METRICS
from orchestrator.domain.report import CellReport, Report
from orchestrator.presentation.escape import csv_text
from orchestrator.presentation.gate_words import worst_first

_NAMES = ("model", "device", "variant")
_EVIDENCE = (
    *("planned", "measured", "trust", "reasons", "failures"),
    *("sessions", "control_sessions", "sensitivity", "sensitivity_reason"),
)
_FILE = ("file", "converted_by", "difference_relative", "difference_absolute", "difference_cosine")
_FIXED = (*_NAMES, "platform", "os", *_EVIDENCE, "gate", *_FILE)
_VERDICT = ("value", "baseline", "change", "low", "high", "sensitivity", "sessions", "baseline_sessions")
_GATE = (*_NAMES, "metric", "rule", "verdict", *_VERDICT, "statistic", "cause", "reason", "likely")


def to_csv(report: Report) -> str:
    """results.csv. Each metric any cell has gives four columns: the median, lowest, highest and number of jobs.

    `sessions` are the values of the cell's sessions, `control_sessions` those of the old model beside them; `gate` is
    the worst verdict on it. `file` is the format of what was measured, `converted_by` what made it of the plan's model,
    and how far it is from that.
    """
    metrics = _metrics(report)
    worst = {gate.cell: gate.verdict for gate in reversed(worst_first(report.gates))}
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*_FIXED, *(f"{name}{part}" for name in metrics for part in ("", "_low", "_high", "_jobs"))])
    devices = {device.name: device for device in report.devices}
    jobs, controls = report.jobs_by_cell, report.controls_by_cell
    for cell in report.cells:
        device = devices.get(cell.cell.device)
        failures = "; ".join(filter(None, map(_failure, (*jobs.get(cell.cell, ()), *controls.get(cell.cell, ())))))
        texts = [cell.cell.model, cell.cell.device, cell.cell.variant]
        texts += [device.platform, device.os] if device else ["", ""]
        evidence = [cell.planned, cell.measured, cell.trust.value]
        notes = [csv_text("; ".join(cell.reasons)), csv_text(failures)]
        notes += [_values(session.value for session in cell.sessions)]
        notes += [_values(session.beside for session in cell.sessions if session.beside_planned)]
        notes += [_number(cell.sensitivity), csv_text(cell.sensitivity_reason), worst.get(cell.cell, "")]
        notes += _file(cell.file)
        writer.writerow([*map(csv_text, texts), *evidence, *notes, *_numbers(cell, metrics)])
    return out.getvalue()


def gates_to_csv(report: Report) -> str:
    """gates.csv, worst first."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_GATE)
    for gate in worst_first(report.gates):
        cell = gate.cell
        texts = (cell.model, cell.device, cell.variant, gate.metric, gate.rule, gate.verdict)
        numbers = (getattr(gate, name) for name in _VERDICT)
        notes = (gate.statistic, gate.cause, gate.reason, gate.likely)
        writer.writerow([*map(csv_text, texts), *map(_number, numbers), *map(csv_text, notes)])
    return out.getvalue()


def _file(file: MeasuredFile | None) -> list[str]:
    if file is None:
        return [""] * len(_FILE)
    return [file.format, csv_text(file.converted_by), *map(_number, (file.relative, file.absolute, file.cosine))]


def _failure(job: JobResult) -> str:
    if job.failed is None:
        return ""
    return f"{job.failed.kind}: {job.failed.reason}" + (" (control)" if job.key.control else "")


def _values(values: Iterable[float | None]) -> str:
    return " ".join(map(_number, values))


def _number(value: float | None) -> str:
    """In full; a missing number is an empty field, never 0."""
    return "" if value is None else str(value)


def _metrics(report: Report) -> list[str]:
    """The metrics of any cell: the known ones in their order, then others."""
    found = dict.fromkeys(name for cell in report.cells for name in cell.metrics)
    return [name for name in METRICS if name in found] + sorted(set(found) - set(METRICS))


def _numbers(cell: CellReport, metrics: list[str]) -> Iterator[float | str]:
    """A missing number is an empty field, never 0."""
    for name in metrics:
        summary = cell.metric(name)
        yield from (summary.value, summary.low, summary.high, summary.n) if summary else ("", "", "", "")
