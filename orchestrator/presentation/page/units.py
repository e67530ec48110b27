"""Bars of compute units: which share of the layers' time the CPU, GPU and NPU took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.presentation.page.drawing import dashes
from orchestrator.presentation.text import percent

BAR_HEIGHT = 12
_ORDER = ("npu", "gpu", "cpu")


@dataclass(frozen=True, kw_only=True)
class UnitBar:
    """A piece of a bar, as path data. `style` is npu, gpu, cpu or other; `label` is "NPU 94%"."""

    style: str
    path: str
    label: str


def unit_style(unit: str) -> str:
    """The colour class of a compute unit as its source names it."""
    return unit.lower() if unit.lower() in _ORDER else "other"


def unit_bars(shares: Mapping[str, float]) -> tuple[UnitBar, ...]:
    """The pieces side by side, accelerators first; nothing where no unit is known."""
    if not set(shares) - {"unknown"}:
        return ()
    bars: list[UnitBar] = []
    x = 0.0
    for unit, share in sorted(shares.items(), key=lambda item: [*_ORDER, "other"].index(unit_style(item[0]))):
        label = f"{unit} {percent(share)}"
        path = dashes([(x, x + share)], BAR_HEIGHT // 2)
        bars.append(UnitBar(style=unit_style(unit), path=path, label=label))
        x += share
    return tuple(bars)


def mean_shares(of_cells: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """The shares averaged over cells."""
    units = dict.fromkeys(unit for shares in of_cells for unit in shares)
    return {unit: sum(shares.get(unit, 0.0) for shares in of_cells) / len(of_cells) for unit in units}
