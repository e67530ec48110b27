"""Cells: model x device x variant, and how a plan's axes become a list of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product

from orchestrator.domain.naming import glob_matches


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A named set of params: the optional third axis."""

    name: str = "default"
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, order=True, slots=True)
class Cell:
    """One combination to be measured, by names."""

    model: str
    device: str
    variant: str = "default"

    def __str__(self) -> str:
        return f"{self.model} on {self.device}" + ("" if self.variant == "default" else f" ({self.variant})")


@dataclass(frozen=True, kw_only=True)
class CellPattern:
    """Globs over the three names, case-insensitive."""

    model: str = "*"
    device: str = "*"
    variant: str = "*"

    def matches(self, cell: Cell) -> bool:
        """Whether the cell is one of those meant."""
        pairs = ((cell.model, self.model), (cell.device, self.device), (cell.variant, self.variant))
        return all(glob_matches(name, pattern) for name, pattern in pairs)


def expand_cells(
    models: Iterable[str],
    selected: Iterable[str],
    variants: Iterable[str],
    *,
    known_devices: Iterable[str],
    include: Iterable[CellPattern] = (),
    exclude: Iterable[CellPattern] = (),
) -> tuple[Cell, ...]:
    """All cells of the three axes without the excluded, then the included ones; each once.

    `include` may name any device of the cloud, selected or not. What is both included and excluded is included.
    """
    models, variants, exclude = list(models), list(variants), list(exclude)
    axes = (Cell(model=m, device=d, variant=v) for m, d, v in product(models, selected, variants))
    kept = [cell for cell in axes if not any(pattern.matches(cell) for pattern in exclude)]
    possible = [Cell(model=m, device=d, variant=v) for m, d, v in product(models, known_devices, variants)]
    added = [cell for pattern in include for cell in possible if pattern.matches(cell)]
    return tuple(dict.fromkeys(kept + added))
