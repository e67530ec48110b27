"""The longest layers of as many cells as the page has room for, as texts for the page's script.

Whoever chooses a cell sees them; those beyond are in results.json.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.domain.comparison import CellComparison
from orchestrator.domain.layer_cause import fate_words
from orchestrator.domain.layer_match import LayerChange, LayerFate
from orchestrator.domain.report import CellReport, Report
from orchestrator.presentation.changes import difference_ms
from orchestrator.presentation.escape import printable
from orchestrator.presentation.page.cells import cells_in_order
from orchestrator.presentation.page.layers import LayerRow, layer_row, other_layers
from orchestrator.presentation.text import percent

_ROOM = 1600  # rows in the page
_FEWEST, _MOST = 8, 80  # rows of a cell
_MOST_GONE = 8


def layer_data(report: Report) -> Mapping[str, Any]:
    """{"texts": distinct texts, "cells": {number of the cell: [[name, operator, unit, ms, share, bar, fate], ...]}}.

    Name, operator, unit and fate are places in the texts; the bar is in percent.
    """
    compared = report.comparison.by_cell if report.comparison else {}
    numbered = [(place, cell) for place, cell in enumerate(cells_in_order(report)) if cell.layers]
    rows = max(_FEWEST, min(_MOST, _ROOM // max(1, len(numbered))))
    texts: dict[str, int] = {}
    cells = {
        str(place): [_encoded(row, fate, texts) for row, fate in _rows(cell, compared.get(cell.cell), rows)]
        for place, cell in numbered[: _ROOM // _FEWEST]
    }
    return {"texts": list(texts), "cells": cells}


def _encoded(row: LayerRow, fate: str, texts: dict[str, int]) -> Sequence[object]:
    name, type_, unit, told = (texts.setdefault(printable(t), len(texts)) for t in (row.name, row.type, row.unit, fate))
    return [name, type_, unit, row.time, row.share, round(float(row.bar)), told]


def _rows(cell: CellReport, compared: CellComparison | None, most: int) -> list[tuple[LayerRow, str]]:
    """The longest layers, the rest as one row, and the baseline's layers that are gone."""
    ordered = sorted(cell.layers, key=lambda layer: -layer.time_us)
    widest = ordered[0].share or 1.0
    changes = compared.layers if compared else ()
    fates = {(change.name, change.type): _fate(change) for change in changes}
    shown = [
        (layer_row(layer, widest), fates.get((layer.layer.name, layer.layer.type), "")) for layer in ordered[:most]
    ]
    shown += [(row, "") for row in other_layers(ordered[most:], widest)]
    gone = [change for change in changes if change.fate is LayerFate.GONE]
    return shown + [(_gone(change), _fate(change)) for change in gone[:_MOST_GONE]]


def _gone(change: LayerChange) -> LayerRow:
    return LayerRow(
        name=change.name, type=change.type, unit=change.baseline_unit, style="other", time="–", share="–", bar="0"
    )


def _fate(change: LayerChange) -> str:
    """ "slower, +0.12 ms, 80% of it"; "" where nothing changed."""
    if change.fate is LayerFate.SAME:
        return ""
    share = f", {percent(change.share)} of it" if change.share is not None else ""
    return f"{fate_words(change)}, {difference_ms(change)} ms{share}"
