"""What the model is fed: seeded numbers of the right type and shape, without values that make a processor slow.

Denormal floats cost six times the time of normal ones, so none is among them. Integers that look up a table stay
inside it, where the model's graph tells how large it is.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from orchestrator.localcloud.measure.failure import Failure

MAX_INPUT_BYTES = 1 << 30
BFLOAT16 = "bfloat16"  # numpy has none: the upper half of a float32, carried as uint16

Array = npt.NDArray[Any]

_NUMBERS = (
    "float16",
    "float32",
    "float64",
    "bool",
    *(f"{sign}int{size}" for sign in ("", "u") for size in (8, 16, 32, 64)),
)
_TYPES = {name: np.dtype(name) for name in _NUMBERS} | {"string": np.dtype(object), BFLOAT16: np.dtype(np.uint16)}


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """An input as the model declares it. A dynamic dimension is its name, "?" if it has none.

    `dtype` is a numpy type's name, "string" or "bfloat16". `below` bounds the values of an integer input that
    indexes a table.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    below: int | None = None

    @property
    def may_be_index(self) -> bool:
        """Whether it is of the types that look up a table."""
        return self.dtype in ("int32", "int64")


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """The shape of every input, and the value that each dynamic dimension was given, by its name or its place."""

    of: Mapping[str, tuple[int, ...]]
    chosen: Mapping[str, int]


def resolve_shapes(specs: Sequence[InputSpec], given: Mapping[str, Sequence[int]]) -> Shapes:
    """Fills in the dynamic dimensions: as given, else as given to another of the same name, else 1.

    Raises Failure where a given shape contradicts the model, or is for an input that it does not have.
    """
    if unknown := sorted(set(given) - {spec.name for spec in specs}):
        reason = f"the model has no input {unknown[0]!r}; it has {', '.join(spec.name for spec in specs) or 'none'}"
        raise Failure(reason)
    named = {
        size: value
        for spec in specs
        for size, value in zip(spec.shape, _given(spec, given), strict=True)
        if isinstance(size, str) and size != "?" and value is not None
    }
    shapes, chosen = {}, {}
    for spec in specs:
        sizes = []
        for axis, (size, value) in enumerate(zip(spec.shape, _given(spec, given), strict=True)):
            sizes.append(size if isinstance(size, int) else named.get(size, 1) if value is None else value)
            if isinstance(size, str):
                chosen[f"{spec.name}[{axis}]" if size == "?" else size] = sizes[-1]
        shapes[spec.name] = tuple(sizes)
    return Shapes(of=shapes, chosen=chosen)


def make_inputs(
    specs: Iterable[InputSpec], shapes: Mapping[str, tuple[int, ...]], *, seed: int, max_bytes: int = MAX_INPUT_BYTES
) -> dict[str, Array]:
    """The arrays by name, the same for the same seed. Raises Failure on a type unknown here, or too many bytes."""
    generator = np.random.default_rng(seed)
    left = max_bytes
    arrays = {}
    for spec in specs:
        if spec.dtype not in _TYPES:
            reason = f"input {spec.name!r} has type {spec.dtype}, which cannot be made up"
            raise Failure(reason)
        left -= math.prod(shapes[spec.name]) * _TYPES[spec.dtype].itemsize
        if left < 0:
            reason = f"the inputs need more than {max_bytes / 1e6:.0f} MB"
            raise Failure(reason)
        arrays[spec.name] = _values(spec, shapes[spec.name], generator)
    return arrays


def _given(spec: InputSpec, given: Mapping[str, Sequence[int]]) -> Sequence[int | None]:
    """The sizes asked for, None for each where nothing was."""
    wanted = given.get(spec.name)
    if wanted is None:
        return [None] * len(spec.shape)
    fits = len(wanted) == len(spec.shape) and all(
        isinstance(declared, str) or declared == size for declared, size in zip(spec.shape, wanted, strict=True)
    )
    if not fits:
        reason = f"input {spec.name!r} is {_by(spec.shape)}, and {_by(wanted)} was asked for"
        raise Failure(reason)
    return wanted


def _by(shape: Sequence[object]) -> str:
    return "x".join(str(size) for size in shape) or "a scalar"


def _values(spec: InputSpec, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    dtype = _TYPES[spec.dtype]
    if dtype.kind == "O":
        return np.array([f"text {number}" for number in range(math.prod(shape))], dtype=object).reshape(shape)
    if spec.dtype == BFLOAT16:
        wide = _normal(generator, shape, np.dtype(np.float32))
        return (wide.view(np.uint32) >> 16).astype(np.uint16)
    if dtype.kind == "f":
        return _normal(generator, shape, dtype)
    return _integers(spec, shape, dtype, generator)


def _normal(generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    values = np.asarray(generator.standard_normal(shape, dtype=np.float32)).astype(dtype)
    smallest = np.finfo(dtype).tiny
    return np.where(np.abs(values) < smallest, smallest, values)


def _integers(spec: InputSpec, shape: tuple[int, ...], dtype: np.dtype[Any], generator: np.random.Generator) -> Array:
    """Inside the table; all ones for a mask; the whole range of 8 bits (pixels, quantised values); else 0 or 1."""
    low, high = 0, 1
    if dtype.kind != "b":
        limits = np.iinfo(dtype)
        if spec.below is not None:
            high = min(spec.below - 1, int(limits.max))
        elif "mask" in spec.name.lower():
            low = 1
        elif dtype.itemsize == 1:
            low, high = int(limits.min), int(limits.max)
    return np.asarray(generator.integers(low, high, shape, endpoint=True)).astype(dtype)
