"""What changed against the baseline, worst first: in sentences, then a forest plot that is a table."""

from dataclasses import dataclass

from orchestrator.domain.comparison import CellComparison, Comparison, Standing
from orchestrator.domain.report import Report
from orchestrator.presentation.changes import (
    WORDS,
    change_interval,
    layers_behind,
    method_of,
    patterns,
    standing_word,
    summary_of,
)
from orchestrator.presentation.page.drawing import dashes, dots, upright
from orchestrator.presentation.page.names import metric_label
from orchestrator.presentation.page.scale import Scale, Tick
from orchestrator.presentation.text import change, number, plural

MOST_ROWS = 60
HEIGHT = 18
_FURTHEST = 1.0  # the axis ends at a doubling; what lies beyond is drawn on its end
_MOST_DIFFERENCES = 12


@dataclass(frozen=True, kw_only=True)
class ChangeRow:
    """One cell. `band` and `dot` are path data, "" where there is no interval."""

    standing: str
    head: str
    name: str
    baseline: str
    value: str
    change: str
    interval: str
    jobs: str
    layers: str
    band: str
    dot: str


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The section. `grid` draws zero and the threshold on both sides of it."""

    baseline: str
    summary: str
    patterns: tuple[str, ...]
    differences: tuple[str, ...]
    metric: str
    rows: tuple[ChangeRow, ...]
    left_out: str
    ticks: tuple[Tick, ...]
    zero: str
    limits: str
    method: str


def changes(report: Report) -> Changes | None:
    """The section, None where the run was compared with nothing."""
    comparison = report.comparison
    if comparison is None:
        return None
    scale = _scale(comparison)
    told = [found for found in comparison.cells if found.standing is not Standing.UNMEASURED][:MOST_ROWS]
    hidden = len(comparison.cells) - len(told)
    limits = (scale.at(side * comparison.threshold) for side in (-1, 1))
    return Changes(
        baseline=comparison.baseline.id,
        summary=summary_of(comparison),
        patterns=patterns(comparison),
        differences=comparison.differences[:_MOST_DIFFERENCES],
        metric=metric_label(comparison.metric),
        rows=tuple(_row(found, comparison.metric, scale) for found in told),
        left_out=f"{plural(hidden, 'more cell')} in results.json." if hidden else "",
        ticks=tuple(Tick(at=f"{100 * scale.at(at):.1f}", label=change(at)) for at in (scale.low, 0.0, scale.high)),
        zero=upright(scale.at(0.0), 0, HEIGHT),
        limits="".join(upright(at, 0, HEIGHT) for at in limits),
        method=method_of(comparison),
    )


def _scale(comparison: Comparison) -> Scale:
    """Zero in the middle, and room for every interval up to a doubling."""
    found = [cell.changes.get(comparison.metric) for cell in comparison.cells]
    ends = [abs(end) for told in found if told for end in (told.low, told.high) if end is not None]
    reach = min(_FURTHEST, max([2 * comparison.threshold, 0.01, *ends]))
    return Scale(low=-reach, high=reach, is_log=False)


def _row(found: CellComparison, metric: str, scale: Scale) -> ChangeRow:
    told = found.changes.get(metric)
    band = dot = ""
    if told and told.change is not None and told.low is not None and told.high is not None:
        band = dashes([(scale.at(told.low), scale.at(told.high))], HEIGHT // 2)
        dot = dots([scale.at(told.change)], HEIGHT // 2)
    return ChangeRow(
        standing=found.standing,
        head=f"{WORDS[found.standing].mark} {standing_word(found.standing, metric)}",
        name=found.name,
        baseline=number(told.baseline.value if told else None),
        value=number(told.value.value if told else None),
        change=change(told.change if told else None),
        interval=change_interval(told) if told else "",
        jobs=f"{told.baseline.n} / {told.value.n}" if told else "",
        layers=layers_behind(found, metric),
        band=band,
        dot=dot,
    )
