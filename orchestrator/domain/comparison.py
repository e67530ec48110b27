"""What a comparison of two runs says, cell by cell. What is on one side only is listed; a missing value is never 0."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.domain.cell import Cell
from orchestrator.domain.layer_match import LayerChange
from orchestrator.domain.run import Run
from orchestrator.domain.statistics import Summary


class Standing(StrEnum):
    """How a cell stands beside the baseline's, in the order a reader wants them.

    `worse` and `better`: the whole interval lies beyond the threshold. `same`: the whole interval lies within it.
    `unclear`: neither, or too few jobs to say. `unlike`: one side measured the model itself, the other what it was
    converted to, which are not the same thing. `lost`: the baseline has a result and this run has none; `found`: the
    other way round; `unmeasured`: neither has one. `added` and `removed`: the cell is in this run or the baseline only.
    """

    WORSE = "worse"
    LOST = "lost"
    BETTER = "better"
    UNCLEAR = "unclear"
    UNLIKE = "unlike"
    FOUND = "found"
    ADDED = "added"
    REMOVED = "removed"
    SAME = "same"
    UNMEASURED = "unmeasured"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A metric here and in the baseline. `change` is a fraction (0.1: a tenth more), with its interval.

    `confidence` is the interval's. The three numbers are None where the two cannot be divided (a baseline of 0).
    """

    standing: Standing
    value: Summary
    baseline: Summary
    change: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float = 0.0


@dataclass(frozen=True, kw_only=True)
class CellComparison:
    """One cell and what it is compared with. `standing` is that of the comparison's metric.

    `cell` is None where only the baseline has it, `baseline` None where only this run has it.
    """

    cell: Cell | None
    baseline: Cell | None
    standing: Standing
    changes: Mapping[str, Change] = field(default_factory=dict)
    layers: tuple[LayerChange, ...] = ()

    @property
    def name(self) -> str:
        """The cell in words, and the other one where they are not the same."""
        here, there = self.cell or self.baseline, self.baseline or self.cell
        return str(here) if here == there else f"{here}, against {there}"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A run beside its baseline, worst first. `threshold` is the fraction from which a change counts.

    `overall` is the geometric mean of the cells' changes of `metric`, as a fraction, None without any.
    `differences` tells what else is not the same: models, runtimes, systems.
    """

    run_id: str
    baseline: Run
    metric: str
    threshold: float
    cells: tuple[CellComparison, ...]
    overall: float | None = None
    differences: tuple[str, ...] = ()

    @property
    def counts(self) -> Mapping[Standing, int]:
        """The number of cells of each standing, all standings in order."""
        found = Counter(cell.standing for cell in self.cells)
        return {standing: found[standing] for standing in Standing}

    @property
    def by_cell(self) -> Mapping[Cell, CellComparison]:
        """This run's cells with their comparisons."""
        return {found.cell: found for found in self.cells if found.cell}
