"""Compares two runs: every cell with its own in the baseline, or with the one that a renaming says."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.domain.cell import Cell
from orchestrator.domain.comparison import CellComparison, Change, Comparison, Standing
from orchestrator.domain.job import JobResult
from orchestrator.domain.layer_match import compare_layers
from orchestrator.domain.measurement import METRICS
from orchestrator.domain.ratio_interval import ratio_interval
from orchestrator.domain.report import CellReport, Report
from orchestrator.domain.statistics import Summary

THRESHOLD = 0.05
_ORDER = {standing: place for place, standing in enumerate(Standing)}


@dataclass(frozen=True, kw_only=True)
class Renaming:
    """Which name of the baseline a name of this run is compared with, axis by axis.

    An axis with any renaming compares the renamed names alone: `models={"a": "b"}` sets a beside b and nothing else.
    """

    models: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)
    variants: Mapping[str, str] = field(default_factory=dict)

    def counterpart(self, cell: Cell) -> Cell | None:
        """The baseline's cell to compare with, None where this one is left out."""
        pairs = ((self.models, cell.model), (self.devices, cell.device), (self.variants, cell.variant))
        names = [names.get(name) if names else name for names, name in pairs]
        if None in names:
            return None
        model, device, variant = (str(name) for name in names)
        return Cell(model=model, device=device, variant=variant)

    def means(self, cell: Cell) -> bool:
        """Whether a cell of the baseline is one that something may be compared with."""
        pairs = ((self.models, cell.model), (self.devices, cell.device), (self.variants, cell.variant))
        return all(not names or name in names.values() for names, name in pairs)


def compare(
    report: Report,
    baseline: Report,
    *,
    renaming: Renaming | None = None,
    metric: str = "",
    threshold: float = THRESHOLD,
) -> Comparison:
    """The run beside the baseline by `metric` (default: the run's headline), worst first."""
    renaming, metric = renaming or Renaming(), metric or report.headline
    here, there = _Side.of(report), _Side.of(baseline)
    cells = list(_paired(here, there, renaming, metric, threshold))
    return Comparison(
        run_id=report.run.id,
        baseline=baseline.run,
        metric=metric,
        threshold=threshold,
        cells=tuple(sorted(cells, key=lambda found: _attention(found, metric))),
        overall=_geometric_mean(found.changes[metric].change for found in cells if metric in found.changes),
        differences=tuple(_differences(report, baseline, renaming)),
    )


@dataclass(frozen=True, kw_only=True)
class _Side:
    """A run's cells, and the values of each job of a cell."""

    cells: Mapping[Cell, CellReport]
    jobs: Mapping[Cell, tuple[JobResult, ...]]

    @classmethod
    def of(cls, report: Report) -> "_Side":
        """A report as one side."""
        return cls(cells={found.cell: found for found in report.cells}, jobs=report.jobs_by_cell)

    def values(self, cell: Cell, metric: str) -> list[float]:
        """The metric of each of the cell's measured jobs."""
        found = (job.measured.measurement.metrics.get(metric) for job in self.jobs.get(cell, ()) if job.measured)
        return [value.value for value in found if value and math.isfinite(value.value)]


def _paired(here: _Side, there: _Side, renaming: Renaming, metric: str, threshold: float) -> Iterator[CellComparison]:
    used = set()
    for cell in here.cells:
        other = renaming.counterpart(cell)
        if other is None:
            continue
        used.add(other)
        if other in there.cells:
            yield _both(cell, other, here, there, metric, threshold)
        else:
            yield CellComparison(cell=cell, baseline=None, standing=Standing.ADDED)
    for other in there.cells:
        if other not in used and renaming.means(other):
            yield CellComparison(cell=None, baseline=other, standing=Standing.REMOVED)


def _both(cell: Cell, other: Cell, here: _Side, there: _Side, metric: str, threshold: float) -> CellComparison:
    mine, theirs = here.cells[cell], there.cells[other]
    if mine.measured and theirs.measured and _is_converted(mine) != _is_converted(theirs):
        return CellComparison(cell=cell, baseline=other, standing=Standing.UNLIKE)
    changes = {}
    for name in mine.metrics:
        value, base = mine.metric(name), theirs.metric(name)
        if value and base and all(map(math.isfinite, (value.low, value.high, base.low, base.high))):
            changes[name] = _change(name, here.values(cell, name), there.values(other, name), value, base, threshold)
    layers = ([found.layer for found in side.layers] for side in (mine, theirs))
    return CellComparison(
        cell=cell,
        baseline=other,
        standing=changes[metric].standing if metric in changes else _without(mine, theirs, metric),
        changes=changes,
        layers=compare_layers(*layers),
    )


def _is_converted(report: CellReport) -> bool:
    return report.file is not None and report.file.converted_by != ""


def _without(mine: CellReport, theirs: CellReport, metric: str) -> Standing:
    if metric in theirs.metrics:
        return Standing.LOST
    return Standing.FOUND if metric in mine.metrics else Standing.UNMEASURED


def _change(
    name: str, values: list[float], baseline: list[float], value: Summary, base: Summary, threshold: float
) -> Change:
    found = ratio_interval(values, baseline)
    if found is None:
        return Change(standing=Standing.UNCLEAR, value=value, baseline=base)
    low, high = found.low - 1, found.high - 1
    return Change(
        standing=_standing(name, low, high, threshold) if found.is_enough else Standing.UNCLEAR,
        value=value,
        baseline=base,
        change=found.ratio - 1,
        low=low,
        high=high,
        confidence=found.confidence,
    )


def _standing(name: str, low: float, high: float, threshold: float) -> Standing:
    """Beyond the threshold only if the whole interval is; the same only if the whole interval is within."""
    lower_is_better = name not in METRICS or METRICS[name].lower_is_better
    if low > threshold:
        return Standing.WORSE if lower_is_better else Standing.BETTER
    if high < -threshold:
        return Standing.BETTER if lower_is_better else Standing.WORSE
    return Standing.SAME if -threshold <= low and high <= threshold else Standing.UNCLEAR


def _attention(found: CellComparison, metric: str) -> tuple[int, float]:
    """What a reader wants first: by standing, then the largest change."""
    change = found.changes.get(metric)
    return _ORDER[found.standing], -abs(change.change or 0.0) if change else 0.0


def _geometric_mean(changes: Iterable[float | None]) -> float | None:
    logs = [math.log1p(change) for change in changes if change is not None]
    return math.expm1(math.fsum(logs) / len(logs)) if logs else None


def _differences(report: Report, baseline: Report, renaming: Renaming) -> Iterator[str]:
    """What else is not the same, in words: whoever compares two runs must know it."""
    files = {model.name: model.sha256 for model in baseline.models}
    for model in report.models:
        other = renaming.models.get(model.name, model.name)
        if files.get(other, model.sha256) != model.sha256:
            yield f"the file of model {model.name} is not the same"
    yield from _files(report, baseline, renaming)
    systems = {device.name: (device.os, device.cpu) for device in baseline.devices}
    for device in report.devices:
        before = systems.get(renaming.devices.get(device.name, device.name), (device.os, device.cpu))
        for was, now in zip(before, (device.os, device.cpu), strict=True):
            if was != now:
                yield f"{device.name}: {now or 'unknown'} now, {was or 'unknown'} in the baseline"
    before_runtimes, now_runtimes = _runtimes(baseline), _runtimes(report)
    for name in sorted(set(before_runtimes) & set(now_runtimes)):
        if before_runtimes[name] != now_runtimes[name]:
            was, now = (", ".join(sorted(found[name])) for found in (before_runtimes, now_runtimes))
            yield f"runtime on {name}: {now} now, {was} in the baseline"
    if report.run.tool_version != baseline.run.tool_version:
        yield f"bench {report.run.tool_version} now, {baseline.run.tool_version} in the baseline"


def _files(report: Report, baseline: Report, renaming: Renaming) -> Iterator[str]:
    """Once for each model, where a cell measured another kind of file, or one that another version converted."""
    before = {cell.cell: cell.file for cell in baseline.cells if cell.file}
    told = dict[str, None]()
    for cell in report.cells:
        was = before.get(renaming.counterpart(cell.cell) or cell.cell)
        if cell.file and was and str(cell.file) != str(was):
            told[f"model {cell.cell.model}: {cell.file} now, {was} in the baseline"] = None
    yield from told


def _runtimes(report: Report) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for job in report.jobs:
        if job.measured and job.measured.measurement.runtime:
            found[job.key.cell.device].add(job.measured.measurement.runtime)
    return found
