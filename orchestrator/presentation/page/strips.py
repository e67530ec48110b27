"""The spread of each cell's jobs: a row for each place of a model, every job a dot on one axis, the median marked.

A model with many places gets a row for each processor instead, with a dot for each device's median.
"""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.domain.cell import Cell
from orchestrator.domain.job import JobResult
from orchestrator.domain.ranking import Ranking, rank
from orchestrator.domain.report import CellReport, Report
from orchestrator.domain.session import Trust
from orchestrator.domain.statistics import summarise
from orchestrator.presentation.page.drawing import dashes, dots, upright
from orchestrator.presentation.page.names import metric_label, place
from orchestrator.presentation.page.scale import Scale, Tick, scale_of
from orchestrator.presentation.page.units import UnitBar, mean_shares, unit_bars
from orchestrator.presentation.text import MISSING, interval, number, percent, times
from orchestrator.presentation.verdict import TRUST_MARKS

MOST_ROWS = 40
HEIGHT = 18
_MOST_REASONS = 2
_OTHERS = ("load_ms", "peak_memory_mb")


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One row. `dots`, `median`, `range` and `baseline` are path data, in a picture HEIGHT high.

    `baseline` marks the baseline's median, "" where there is none.
    """

    label: str
    dots: str
    median: str
    range: str
    baseline: str
    value: str
    interval: str
    spread: str
    sensitivity: str
    ratio: str
    others: tuple[str, ...]
    units: tuple[UnitBar, ...]
    jobs: str
    trust: str
    mark: str
    reasons: str


@dataclass(frozen=True, kw_only=True)
class ModelStrips:
    """The rows of one model on one axis, fastest first. `dot` is what a dot stands for: a job or a device.

    `subject` is the model, or that it was converted.
    """

    model: str
    subject: str
    metric: str
    row_head: str
    dot: str
    is_log: bool
    ticks: tuple[Tick, ...]
    others: tuple[str, ...]
    has_units: bool
    has_sensitivities: bool
    rows: tuple[Strip, ...]


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A row before it has a scale: the values of its dots, the cells behind it, and the baseline's median if known."""

    label: str
    values: Sequence[float]
    cells: Sequence[CellReport]
    baseline: float | None = None


def model_strips(report: Report) -> tuple[ModelStrips, ...]:
    """One picture a model, in the plan's order; models without any number are left out."""
    jobs, baselines = report.jobs_by_cell, _baselines(report)
    processor = {device.name: device.cpu or device.vendor or device.platform for device in report.devices}
    found = []
    for ranking in rank(report.cells, report.headline):
        if len(ranking.ranked) <= MOST_ROWS:
            found.append(_strips(ranking, _places(ranking, jobs, baselines), row_head="Device", dot="job"))
        else:
            found.append(_strips(ranking, _processors(ranking, processor), row_head="Processor", dot="device"))
    return tuple(found)


def _baselines(report: Report) -> Mapping[Cell, float]:
    """The baseline's median of each cell that has one."""
    found = report.comparison.by_cell if report.comparison else {}
    headline = report.headline
    return {cell: one.changes[headline].baseline.value for cell, one in found.items() if headline in one.changes}


def _places(ranking: Ranking, jobs: Mapping[Cell, Sequence[JobResult]], baselines: Mapping[Cell, float]) -> list[_Line]:
    lines = []
    for ranked in ranking.ranked:
        cell = ranked.cell.cell
        measured = [job.measured.measurement.metrics for job in jobs.get(cell, ()) if job.measured]
        values = [metrics[ranking.metric].value for metrics in measured if ranking.metric in metrics]
        values = values or [ranked.summary.value]
        lines.append(_Line(label=place(cell), values=values, cells=[ranked.cell], baseline=baselines.get(cell)))
    return lines


def _processors(ranking: Ranking, processor: Mapping[str, str]) -> list[_Line]:
    groups: dict[str, list[tuple[float, CellReport]]] = defaultdict(list)
    for ranked in ranking.ranked:
        groups[processor.get(ranked.cell.cell.device, "unknown")].append((ranked.summary.value, ranked.cell))
    lines = [
        _Line(label=name, values=[value for value, _ in found], cells=[cell for _, cell in found])
        for name, found in groups.items()
    ]
    return sorted(lines, key=lambda line: statistics.median(line.values))


def _strips(ranking: Ranking, lines: list[_Line], *, row_head: str, dot: str) -> ModelStrips:
    baselines = (line.baseline for line in lines if line.baseline is not None)
    scale = scale_of([*(value for line in lines for value in line.values), *baselines])
    others = [
        name
        for name in _OTHERS
        if name != ranking.metric and any(name in ranked.cell.metrics for ranked in ranking.ranked)
    ]
    best = statistics.median(lines[0].values)
    rows = tuple(_strip(line, scale, best, others) for line in lines)
    return ModelStrips(
        model=ranking.model,
        subject=ranking.subject,
        metric=metric_label(ranking.metric),
        row_head=row_head,
        dot=dot,
        is_log=scale.is_log,
        ticks=scale.ticks,
        others=tuple(metric_label(name) for name in others),
        has_units=len({unit.style for row in rows for unit in row.units}) > 1,
        has_sensitivities=any(row.sensitivity != MISSING for row in rows),
        rows=rows,
    )


def _strip(line: _Line, scale: Scale, best: float, others: Sequence[str]) -> Strip:
    summary = summarise(line.values)
    trust = _trust(line.cells)
    shares = [cell.unit_shares for cell in line.cells if cell.unit_shares]
    return Strip(
        label=line.label,
        dots=dots(map(scale.at, line.values), HEIGHT // 2),
        median=upright(scale.at(summary.value), 2, HEIGHT - 2),
        range=dashes([(scale.at(summary.low), scale.at(summary.high))], HEIGHT // 2),
        baseline="" if line.baseline is None else upright(scale.at(line.baseline), 1, HEIGHT - 1),
        value=number(summary.value),
        interval=interval(summary),
        spread=percent(summary.spread if summary.n > 1 else None),
        sensitivity=percent(line.cells[0].sensitivity if len(line.cells) == 1 else None),
        ratio=times(summary.value / best) if best > 0 else "",
        others=tuple(_middle(line.cells, name) for name in others),
        units=unit_bars(mean_shares(shares)) if shares else (),
        jobs=f"{sum(cell.measured for cell in line.cells):,}/{sum(cell.planned for cell in line.cells):,}",
        trust=trust,
        mark=TRUST_MARKS[trust],
        reasons=_reasons(line.cells),
    )


def _middle(cells: Sequence[CellReport], metric: str) -> str:
    values = [summary.value for cell in cells if (summary := cell.metric(metric))]
    return number(statistics.median(values) if values else None)


def _trust(cells: Sequence[CellReport]) -> Trust:
    """A row of many cells is as good as most of them."""
    trusted = sum(1 for cell in cells if cell.trust is Trust.TRUSTED)
    return Trust.TRUSTED if 2 * trusted > len(cells) else Trust.NOISY


def _reasons(cells: Sequence[CellReport]) -> str:
    if len(cells) == 1:
        found = cells[0].reasons
        more = f"; and {len(found) - _MOST_REASONS} more" if len(found) > _MOST_REASONS else ""
        return "; ".join(found[:_MOST_REASONS]) + more
    doubted = sum(1 for cell in cells if cell.trust is not Trust.TRUSTED)
    return f"{doubted:,} of {len(cells):,} cells in doubt" if doubted else ""
