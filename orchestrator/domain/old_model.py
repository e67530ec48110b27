"""The old model: what cells were last accepted with, or were pinned with, to be run again beside the new one."""

from dataclasses import dataclass

from orchestrator.domain.cell import Cell
from orchestrator.domain.conversion import ConvertedModel
from orchestrator.domain.model import Model

_SHOWN_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class OldModel:
    """A model that these cells were measured with in that run.

    `is_same`: it is the very file that is measured now. `unusable` says why it cannot be run again, else "".
    `converted` tells of what it was made, where it was converted.
    """

    cells: tuple[Cell, ...]
    run_id: str
    model: Model
    is_same: bool = False
    unusable: str = ""
    converted: ConvertedModel | None = None

    def __str__(self) -> str:
        return f"the old model (sha256 {self.model.sha256[:_SHOWN_DIGITS]}, run {self.run_id})"
