"""What the child that looks into a model file tells its parent."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.domain.model import ChosenDimension, Tensor


class BadModel(ValueError):
    """Why a file cannot be measured, in words for its owner, without the file's name."""


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """The contents of a valid model; the fields mean what they mean in `domain.model.Model`.

    `external_data` maps each location that the model names to the bytes it must have at least.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: Mapping[str, int]
    opset: int | None = None
    ir_version: int | None = None
    parameters: int | None = None
    multiply_accumulates: int | None = None
    chosen_dimensions: tuple[ChosenDimension, ...] = ()
    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    external_data: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    random_weights: bool = False


class NeedsFiles(Exception):
    """The model has external data that the caller did not name: `locations` maps each to its smallest length."""

    def __init__(self, locations: Mapping[str, int]) -> None:
        super().__init__("external data")
        self.locations = locations
