"""The heat table of models x devices: one text and one colour class for each field and metric.

Absolute numbers, times the best of the model, or the change against the baseline. A colour says how many times worse a
field is than the best of its model, or how much it changed; it only repeats the number. With many devices, rows are
processors with the median of their devices, and the devices follow folded away.
"""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from orchestrator.domain.cell import Cell
from orchestrator.domain.comparison import CellComparison, Standing
from orchestrator.domain.measurement import METRICS
from orchestrator.domain.report import CellReport, Report
from orchestrator.domain.session import Trust
from orchestrator.presentation.changes import WORDS
from orchestrator.presentation.page.cells import cells_in_order
from orchestrator.presentation.page.names import metric_label
from orchestrator.presentation.text import MISSING, change, number, plural, times

CHOICES = ("latency_p50_ms", "latency_ms", "latency_p99_ms", "peak_memory_mb", "load_ms")
MOST_ROWS = 40
_STEPS = ((1.25, "s0", "to 1.25×"), (2.0, "s1", "to 2×"), (4.0, "s2", "to 4×"), (math.inf, "s3", "over 4×"))
_CHANGE_STEPS = ((0.10, "1"), (0.20, "2"), (math.inf, "3"))
_LARGE = 600  # fields from which on only the first metrics are also shown relative, so that the page stays small
_STANDING_TEXTS = {Standing.LOST: "✕ lost", Standing.UNLIKE: "≠ file", Standing.ADDED: "new", Standing.FOUND: "new"}
LEGEND = (("b", "best of its model"), *((style, words) for _, style, words in _STEPS))


@dataclass(frozen=True, kw_only=True)
class Field:
    """What one field shows, and its classes: b or s0 to s3, with q where noisy; x (no result); n (not asked for)."""

    text: str
    style: str


@dataclass(frozen=True, kw_only=True)
class MatrixRow:
    """A device (with its variant) or a processor, with a field for each model."""

    label: str
    detail: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the table can show, its fields row by row, for the page's script. `group` says in which way."""

    group: str
    label: str
    texts: tuple[str, ...]
    styles: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The table with its first choice filled in. `folded`: the reader opens it, and paper leaves it out.

    `cells` are the numbers of the fields' cells among all cells, row by row, -1 where a field is not one cell.
    """

    title: str
    row_head: str
    models: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    choices: tuple[Choice, ...]
    cells: tuple[int, ...]
    folded: bool

    @property
    def groups(self) -> tuple[tuple[str, tuple[tuple[int, str], ...]], ...]:
        """The choices by their group, each with its place and its label."""
        placed = enumerate(self.choices)
        return tuple(
            (group, tuple((place, choice.label) for place, choice in found))
            for group, found in groupby(placed, key=lambda pair: pair[1].group)
        )


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A row before it has numbers: the cells behind each of its fields."""

    label: str
    detail: str
    members: Mapping[str, Sequence[CellReport]]

    def value(self, model: str, metric: str) -> float | None:
        """The median of the field's cells, None where none has the metric."""
        found = [summary.value for cell in self.members.get(model, ()) if (summary := cell.metric(metric))]
        return statistics.median(found) if found else None


def matrices(report: Report) -> tuple[Matrix, ...]:
    """The table of devices; above MOST_ROWS of them, the table of processors first."""
    found = {name for cell in report.cells for name in cell.metrics}
    metrics = sorted((name for name in CHOICES if name in found), key=lambda name: name != report.headline)
    if not metrics:
        return ()
    devices = _lines(report, lambda cell: (cell.device, "" if cell.variant == "default" else cell.variant))
    if len(devices) <= MOST_ROWS:
        return (_matrix("by device", "Device", devices, metrics, report),)
    processor = {device.name: device.cpu or device.vendor or device.platform for device in report.devices}
    groups = _lines(report, lambda cell: (processor.get(cell.device, "unknown"), ""))
    groups = [_Line(label=line.label, detail=_device_count(line), members=line.members) for line in groups]
    return (
        _matrix("by processor, median of its devices", "Processor", groups, metrics, report),
        _matrix("by device", "Device", devices, metrics, report, folded=True),
    )


def _device_count(line: _Line) -> str:
    return plural(len({cell.cell.device for cells in line.members.values() for cell in cells}), "device")


def _lines(report: Report, key: Callable[[Cell], tuple[str, str]]) -> list[_Line]:
    members: dict[tuple[str, str], dict[str, list[CellReport]]] = defaultdict(lambda: defaultdict(list))
    for cell in report.cells:
        members[key(cell.cell)][cell.subject].append(cell)
    return [_Line(label=label, detail=detail, members=cells) for (label, detail), cells in members.items()]


def _matrix(
    title: str, row_head: str, lines: list[_Line], metrics: list[str], report: Report, *, folded: bool = False
) -> Matrix:
    models = tuple(dict.fromkeys(cell.subject for cell in report.cells))
    own = [job for jobs in report.jobs_by_cell.values() for job in jobs]
    kinds = {job.key.cell: job.failed.kind.replace("_", " ") for job in own if job.failed}
    best = _best(lines, models, metrics[0])
    lines = sorted(lines, key=lambda line: _slowness(line, models, best, metrics[0]))
    tables = [("absolute", metric_label(metric), _fields(lines, models, metric, kinds)) for metric in metrics]
    few = metrics if len(lines) * len(models) <= _LARGE else metrics[:1]
    tables += [("times the best of its model", metric_label(name), _ratios(lines, models, name, kinds)) for name in few]
    if report.comparison:
        found = report.comparison.by_cell
        tables += [("change to the baseline", metric_label(name), _changes(lines, models, name, found)) for name in few]
    rows = tuple(
        MatrixRow(label=line.label, detail=line.detail, fields=tuple(fields))
        for line, fields in zip(lines, tables[0][2], strict=True)
    )
    numbers = {cell.cell: place for place, cell in enumerate(cells_in_order(report))}
    return Matrix(
        title=title,
        row_head=row_head,
        models=models,
        rows=rows,
        choices=tuple(_choice(*table) for table in tables),
        cells=tuple(_number(line.members.get(model, ()), numbers) for line in lines for model in models),
        folded=folded,
    )


def _choice(group: str, label: str, table: Sequence[Sequence[Field]]) -> Choice:
    fields = [field for row in table for field in row]
    texts, styles = tuple(field.text for field in fields), tuple(field.style for field in fields)
    return Choice(group=group, label=label, texts=texts, styles=styles)


def _number(cells: Sequence[CellReport], numbers: Mapping[Cell, int]) -> int:
    return numbers[cells[0].cell] if len(cells) == 1 else -1


def _best(lines: Sequence[_Line], models: Sequence[str], metric: str) -> dict[str, float]:
    """The best value of each model over the rows."""
    choose = min if metric not in METRICS or METRICS[metric].lower_is_better else max
    columns = {model: [v for line in lines if (v := line.value(model, metric)) is not None] for model in models}
    return {model: choose(values) for model, values in columns.items() if values}


def _slowness(line: _Line, models: Sequence[str], best: Mapping[str, float], metric: str) -> float:
    """The geometric mean of a row's ratios to the best, infinite without any: what rows are ordered by."""
    values = [(line.value(model, metric), best.get(model)) for model in models]
    ratios = [value / top for value, top in values if value and top and value > 0 and top > 0]
    return statistics.geometric_mean(ratios) if ratios else math.inf


def _fields(lines: Sequence[_Line], models: Sequence[str], metric: str, kinds: Mapping[Cell, str]) -> list[list[Field]]:
    best = _best(lines, models, metric)
    return [[_field(line, model, metric, best.get(model), kinds) for model in models] for line in lines]


def _field(line: _Line, model: str, metric: str, best: float | None, kinds: Mapping[Cell, str]) -> Field:
    cells = line.members.get(model, ())
    if not cells:
        return Field(text="", style="n")
    value = line.value(model, metric)
    if value is None or best is None:
        measured = any(cell.measured for cell in cells)
        return Field(
            text="–" if measured else f"✕ {kinds.get(cells[0].cell, 'skipped')}", style="n" if measured else "x"
        )
    noisy = all(cell.trust is not Trust.TRUSTED for cell in cells)
    return Field(text=number(value) + (" ?" if noisy else ""), style=_step(value, best) + (" q" if noisy else ""))


def _ratios(lines: Sequence[_Line], models: Sequence[str], metric: str, kinds: Mapping[Cell, str]) -> list[list[Field]]:
    """The same fields and colours, told as a multiple of the best."""
    best = _best(lines, models, metric)
    table = _fields(lines, models, metric, kinds)
    for line, row in zip(lines, table, strict=True):
        for place, model in enumerate(models):
            value, top = line.value(model, metric), best.get(model, 0.0)
            if value and top > 0:
                mark = " ?" if row[place].text.endswith("?") else ""
                row[place] = replace(row[place], text=times(value / top) + mark)
    return table


def _changes(
    lines: Sequence[_Line], models: Sequence[str], metric: str, found: Mapping[Cell, CellComparison]
) -> list[list[Field]]:
    return [
        [_change([found[c.cell] for c in line.members.get(model, ()) if c.cell in found], metric) for model in models]
        for line in lines
    ]


def _change(cells: Sequence[CellComparison], metric: str) -> Field:
    """The cells' median change, coloured where more than half of them changed for sure."""
    told = [one for cell in cells if (one := cell.changes.get(metric))]
    values = [one.change for one in told if one.change is not None]
    if not values:
        text = _STANDING_TEXTS.get(cells[0].standing, MISSING) if cells else ""
        return Field(text=text, style="x" if text.startswith("✕") else "n")
    middle = statistics.median(values)
    standing, count = Counter(one.standing for one in told).most_common(1)[0]
    if 2 * count <= len(told) or standing is Standing.SAME:
        return Field(text=change(middle), style="s0")
    if standing is Standing.UNCLEAR:
        return Field(text=f"{change(middle)} ?", style="s0 q")
    step = next(step for limit, step in _CHANGE_STEPS if abs(middle) <= limit)
    sign = "w" if standing is Standing.WORSE else "g"
    return Field(text=f"{WORDS[standing].mark} {change(middle)}", style=sign + step)


def _step(value: float, best: float) -> str:
    if value == best:
        return "b"
    ratio = max(value / best, best / value) if value > 0 and best > 0 else 1.0
    return next(style for limit, style, _ in _STEPS if ratio <= limit)
