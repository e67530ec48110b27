"""Layers: where the time of a cell goes, operator by operator, and on which compute unit.

All cells with layers while they are few; of many, those that changed, and the fastest and the slowest place of each
model. The page's script has the longest layers of more cells, for whoever chooses one; the rest is in results.json.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.domain.comparison import CellComparison, Standing
from orchestrator.domain.layer_cause import fate_words
from orchestrator.domain.layer_match import LayerChange, LayerFate
from orchestrator.domain.ranking import rank
from orchestrator.domain.report import CellLayer, CellReport, Report
from orchestrator.presentation.changes import FATES, cause_words, difference_ms
from orchestrator.presentation.page.drawing import dashes
from orchestrator.presentation.page.names import place
from orchestrator.presentation.page.units import UnitBar, unit_bars, unit_style
from orchestrator.presentation.text import number, percent, plural

MOST_PROFILES = 24
HEIGHT = 20
_TOP = 8
_CHANGED = (Standing.WORSE, Standing.BETTER)
_GAP = 0.002
_SHORTEST = 0.005  # layers shorter than this share are drawn together, so that large models stay small pages


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """All layers of one compute unit in the order of execution, as path data in a picture HEIGHT high."""

    style: str
    path: str


@dataclass(frozen=True, kw_only=True)
class LayerRow:
    """One layer, or the sum of those that are not listed."""

    name: str
    type: str
    unit: str
    style: str
    time: str
    share: str
    bar: str


@dataclass(frozen=True, kw_only=True)
class ChangedRow:
    """A layer that changed against the baseline."""

    name: str
    type: str
    fate: str
    unit: str
    baseline: str
    time: str
    difference: str
    share: str


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The layers of one cell. `pieces` draws all of them in their order; `rows` are the longest.

    `subject` is the model, or that it was converted. `changed` are, beside a baseline, those that changed most,
    `is_compared` whether there was one to compare with; `note` counts what became of all layers, `cause` says what
    likely made the cell slower or faster.
    """

    model: str
    subject: str
    place: str
    total: str
    count: str
    units: tuple[UnitBar, ...]
    unit_words: str
    pieces: tuple[Pieces, ...]
    rows: tuple[LayerRow, ...]
    changed: tuple[ChangedRow, ...]
    is_compared: bool
    note: str
    cause: str


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The profiles shown, and in words what was left out ("" if nothing)."""

    profiles: tuple[Profile, ...]
    left_out: str


def layers(report: Report) -> Layers:
    """The section; empty where no source gave layers."""
    with_layers = [cell for cell in report.cells if cell.layers]
    compared = report.comparison.by_cell if report.comparison else {}
    shown = with_layers
    if len(with_layers) > MOST_PROFILES:
        changed = [cell for cell in with_layers if cell.cell in compared and compared[cell.cell].standing in _CHANGED]
        changed = sorted(changed, key=lambda cell: list(compared).index(cell.cell))[: MOST_PROFILES // 2]
        shown = _once([*changed, *_ends(with_layers, report.headline)])[:MOST_PROFILES]
    hidden = len(with_layers) - len(shown)
    left_out = f"The layers of {plural(hidden, 'more cell')} are in results.json." if hidden else ""
    metric = report.comparison.metric if report.comparison else ""
    return Layers(profiles=tuple(_profile(cell, compared.get(cell.cell), metric) for cell in shown), left_out=left_out)


def _ends(cells: Iterable[CellReport], metric: str) -> list[CellReport]:
    """The fastest and the slowest cell of each model, each once."""
    return _once(r.cell for ranking in rank(cells, metric) for r in (ranking.best, ranking.worst))


def _once(cells: Iterable[CellReport]) -> list[CellReport]:
    return list({cell.cell: cell for cell in cells}.values())


def _profile(cell: CellReport, compared: CellComparison | None, metric: str) -> Profile:
    total_us = sum(layer.time_us for layer in cell.layers)
    ordered = sorted(cell.layers, key=lambda layer: -layer.time_us)
    widest = ordered[0].share or 1.0
    rows = [layer_row(layer, widest) for layer in ordered[:_TOP]]
    units = unit_bars(cell.unit_shares)
    return Profile(
        model=cell.cell.model,
        subject=cell.subject,
        place=place(cell.cell),
        total=number(total_us / 1000),
        count=plural(len(cell.layers), "layer"),
        units=units,
        unit_words=", ".join(unit.label for unit in units),
        pieces=_pieces(sorted(cell.layers, key=lambda layer: layer.layer.index)),
        rows=tuple(rows) + other_layers(ordered[_TOP:], widest),
        changed=tuple(map(_changed_row, _told(compared)[:_TOP])),
        is_compared=bool(compared and compared.layers),
        note=_note(compared),
        cause=cause_words(compared, metric) if compared else "",
    )


def _told(compared: CellComparison | None) -> list[LayerChange]:
    return [layer for layer in compared.layers if layer.fate is not LayerFate.SAME] if compared else []


def _note(compared: CellComparison | None) -> str:
    """ "2 slower, 1 gone, 39 the same"."""
    counts = Counter(layer.fate for layer in compared.layers) if compared else Counter()
    return ", ".join(f"{counts[fate]:,} {FATES[fate]}" for fate in LayerFate if counts[fate])


def _changed_row(layer: LayerChange) -> ChangedRow:
    moved = layer.has_moved
    return ChangedRow(
        name=layer.name,
        type=layer.type,
        fate=fate_words(layer) if layer.parts else FATES[layer.fate],
        unit=f"{layer.baseline_unit} → {layer.unit}" if moved else layer.unit or layer.baseline_unit or "–",
        baseline=number(None if layer.baseline_us is None else layer.baseline_us / 1000),
        time=number(None if layer.time_us is None else layer.time_us / 1000),
        difference=difference_ms(layer),
        share=percent(layer.share),
    )


def layer_row(found: CellLayer, widest: float) -> LayerRow:
    """A layer; `widest` is the share that fills its bar."""
    layer = found.layer
    return LayerRow(
        name=layer.name,
        type=layer.type,
        unit=layer.compute_unit or "–",
        style=unit_style(layer.compute_unit),
        time=number(found.time_us / 1000),
        share=percent(found.share),
        bar=f"{100 * found.share / widest:.2f}",
    )


def other_layers(left: Sequence[CellLayer], widest: float) -> tuple[LayerRow, ...]:
    """One row for all the shorter layers. Its bar may be cut at the width of the longest layer's."""
    if not left:
        return ()
    share = sum(layer.share for layer in left)
    row = LayerRow(
        name=f"{len(left):,} other layers",
        type="",
        unit="",
        style="other",
        time=number(sum(layer.time_us for layer in left) / 1000),
        share=percent(share),
        bar=f"{min(100.0, 100 * share / widest):.2f}",
    )
    return (row,)


def _pieces(ordered: Iterable[CellLayer]) -> tuple[Pieces, ...]:
    """Where each unit worked. Layers are kept apart by a gap of a fifth of a percent, where they are long enough."""
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    begin = 0.0
    for layer in ordered:
        style, end = unit_style(layer.layer.compute_unit), begin + layer.share
        last = spans[style][-1] if spans[style] else (0.0, 0.0)
        if begin - last[0] < _SHORTEST and last[1] >= begin - _GAP > 0:
            spans[style][-1] = (last[0], end - _GAP)
        else:
            spans[style].append((begin, end - _GAP))
        begin = end
    return tuple(Pieces(style=style, path=dashes(found, HEIGHT // 2)) for style, found in spans.items())
