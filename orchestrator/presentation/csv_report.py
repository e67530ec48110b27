"""results.csv: one row for each cell, for spreadsheets (RFC 4180: CRLF, quoted where needed, UTF-8)."""

import csv
import io
from collections.abc import Iterator

from orchestrator.domain.measurement import METRICS
from orchestrator.domain.report import CellReport, Report
from orchestrator.presentation.escape import csv_text

_FIXED = ("model", "device", "variant", "platform", "os", "planned", "measured", "trust", "reasons", "failures")


def to_csv(report: Report) -> str:
    """The whole file. Each metric any cell has gives four columns: the median, lowest, highest and number of jobs."""
    metrics = _metrics(report)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*_FIXED, *(f"{name}{part}" for name in metrics for part in ("", "_low", "_high", "_jobs"))])
    devices = {device.name: device for device in report.devices}
    jobs = report.jobs_by_cell
    for cell in report.cells:
        device = devices.get(cell.cell.device)
        failures = "; ".join(f"{job.failed.kind}: {job.failed.reason}" for job in jobs.get(cell.cell, ()) if job.failed)
        texts = [cell.cell.model, cell.cell.device, cell.cell.variant]
        texts += [device.platform, device.os] if device else ["", ""]
        evidence = [cell.planned, cell.measured, cell.trust.value]
        notes = [csv_text("; ".join(cell.reasons)), csv_text(failures)]
        writer.writerow([*map(csv_text, texts), *evidence, *notes, *_numbers(cell, metrics)])
    return out.getvalue()


def _metrics(report: Report) -> list[str]:
    """The metrics of any cell: the known ones in their order, then others."""
    found = dict.fromkeys(name for cell in report.cells for name in cell.metrics)
    return [name for name in METRICS if name in found] + sorted(set(found) - set(METRICS))


def _numbers(cell: CellReport, metrics: list[str]) -> Iterator[float | str]:
    """A missing number is an empty field, never 0."""
    for name in metrics:
        summary = cell.metric(name)
        yield from (summary.value, summary.low, summary.high, summary.n) if summary else ("", "", "", "")
