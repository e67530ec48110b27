"""What a cell's jobs come to: its metrics, its layers, and how far to trust them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from orchestrator.domain.cell import Cell
from orchestrator.domain.doubts import gather_doubts
from orchestrator.domain.job import JobResult
from orchestrator.domain.measurement import METRICS, Layer
from orchestrator.domain.report import CellLayer, CellMetric, CellReport, grouped_by_cell
from orchestrator.domain.session import Trust
from orchestrator.domain.statistics import summarise

NOISY_SPREAD = 0.10  # a range of more than a tenth of the median between jobs of one cell


def report_cells(cells: Iterable[Cell], jobs: Iterable[JobResult]) -> tuple[CellReport, ...]:
    """A report of each planned cell, in the plan's order, from what its jobs came to."""
    by_cell = grouped_by_cell(job for job in jobs if not job.key.control)
    return tuple(report_cell(cell, by_cell.get(cell, ())) for cell in cells)


def report_cell(cell: Cell, jobs: Iterable[JobResult]) -> CellReport:
    """Summarises the jobs of one cell; failed ones count as planned and are named in the reasons."""
    jobs = list(jobs)
    measurements = [job.measured.measurement for job in jobs if job.measured]
    values: dict[str, list[float]] = defaultdict(list)
    for measurement in measurements:
        for name, metric in measurement.metrics.items():
            values[name].append(metric.value)
    metrics = {
        name: CellMetric(unit=METRICS[name].unit if name in METRICS else "", summary=summarise(found))
        for name, found in values.items()
    }
    reasons = _doubts(jobs, metrics)
    trust = Trust.INVALID if not measurements else Trust.NOISY if reasons else Trust.TRUSTED
    layers = _layers([measurement.layers for measurement in measurements if measurement.layers])
    return CellReport(
        cell=cell,
        planned=len(jobs),
        measured=len(measurements),
        trust=trust,
        reasons=reasons,
        metrics=metrics,
        layers=layers,
        unit_shares=_unit_shares(layers),
        file=next((job.file for job in jobs if job.file), None),
    )


def _doubts(jobs: list[JobResult], metrics: Mapping[str, CellMetric]) -> tuple[str, ...]:
    measured = [job.measured.measurement for job in jobs if job.measured]
    doubts = [] if len(measured) == len(jobs) else [f"{len(measured)} of {len(jobs)} jobs measured"]
    headline = metrics.get("latency_p50_ms") or metrics.get("latency_ms")
    if headline and headline.summary.spread > NOISY_SPREAD:
        doubts.append(f"jobs differ by {headline.summary.spread:.0%} of their median")
    return (*doubts, *gather_doubts(measurement.noise for measurement in measured))


def _layers(runs: list[tuple[Layer, ...]]) -> tuple[CellLayer, ...]:
    """The layers of the first job, each with its median time over the jobs that have it (by index and name)."""
    if not runs:
        return ()
    times: dict[tuple[int, str], list[float]] = defaultdict(list)
    for layer in (layer for run in runs for layer in run):
        times[layer.index, layer.name].append(layer.time_us)
    medians = [summarise(times[layer.index, layer.name]).value for layer in runs[0]]
    total = sum(medians) or 1.0
    pairs = zip(runs[0], medians, strict=True)
    return tuple(
        CellLayer(layer=replace(layer, time_us=time), time_us=time, share=time / total) for layer, time in pairs
    )


def _unit_shares(layers: Iterable[CellLayer]) -> Mapping[str, float]:
    shares: dict[str, float] = defaultdict(float)
    for layer in layers:
        shares[layer.layer.compute_unit or "unknown"] += layer.share
    return dict(shares)
