"""A machine-learning model as the plan's user thinks of it: what goes in, what comes out, how large it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class ModelFormat(StrEnum):
    """What kind of file a model is."""

    ONNX = "onnx"
    TFLITE = "tflite"


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """An input or output. A dimension is a size, or the name of a dynamic one ("?" if it has none).

    `shape` is None where the file gives no rank.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...] | None

    def __str__(self) -> str:
        dims = "unknown rank" if self.shape is None else "×".join(str(d) for d in self.shape) or "scalar"
        return f"{self.name}: {self.dtype} [{dims}]"


@dataclass(frozen=True, kw_only=True)
class ChosenDimension:
    """The value a dynamic dimension was given, and who gave it ("plan" or "default")."""

    input: str
    axis: int
    name: str
    value: int
    source: str


@dataclass(frozen=True, kw_only=True)
class Model:
    """A validated model file.

    `size_bytes` counts external data too. `sha256` is the file's; with external data it is that of the
    `sha256sum` listing of all files, so that it changes with any of them. `multiply_accumulates` is None
    where an operator's count is not known. `input_shapes` holds every input, dynamic dimensions resolved.
    """

    name: str
    path: Path
    format: ModelFormat
    sha256: str
    size_bytes: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: Mapping[str, int]
    opset: int | None = None
    ir_version: int | None = None
    parameters: int | None = None
    multiply_accumulates: int | None = None
    chosen_dimensions: tuple[ChosenDimension, ...] = ()
    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    external_files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()
    random_weights: bool = False
