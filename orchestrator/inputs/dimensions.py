"""Gives each dynamic dimension of a model's inputs a value: the plan's, else a documented default.

Defaults by the dimension's name: batch 1, sequence 128, height and width 224, channels 3, what starts with "past" 0,
anything else and the nameless 1. A name that is a sum ("past + sequence") has the sum of its parts. The same name has
the same value in all inputs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from orchestrator.domain.model import ChosenDimension, Tensor
from orchestrator.inputs.inspection import BadModel

NAMELESS = "?"
INPUT_BUDGET_BYTES = 1 << 30
# Types that inputs can be made of; the rest have no numpy type, or no runtime that takes them.
INPUT_BITS = {
    **dict.fromkeys(("uint8", "int8", "bool"), 8),
    **dict.fromkeys(("uint16", "int16", "float16", "bfloat16"), 16),
    **dict.fromkeys(("uint32", "int32", "float32"), 32),
    **dict.fromkeys(("uint64", "int64", "float64", "string"), 64),
}
_DEFAULTS = {
    **dict.fromkeys(("seq", "seq_len", "seq_length", "sequence", "sequence_length"), 128),
    **dict.fromkeys(("h", "w", "height", "width", "image_height", "image_width"), 224),
    **dict.fromkeys(("c", "channel", "channels", "num_channels"), 3),
}
_PLAN, _DEFAULT = "plan", "default"


@dataclass(frozen=True, kw_only=True)
class ChosenShapes:
    """Every input's shape in numbers, and which of them were chosen by whom."""

    shapes: Mapping[str, tuple[int, ...]]
    chosen: tuple[ChosenDimension, ...]


def choose_shapes(inputs: Sequence[Tensor], planned: Mapping[str, Sequence[int]]) -> ChosenShapes:
    """Resolves all inputs; `planned` has whole shapes by input name.

    Raises BadModel where the two contradict, and for inputs that cannot be made.
    """
    _check_types(inputs)
    _check_names(inputs, planned)
    symbols = _planned_symbols(inputs, planned)
    shapes, chosen = {}, []
    for tensor in inputs:
        values = []
        for axis, dimension in enumerate(_dimensions(tensor, planned)):
            choice = _choose(tensor, axis, dimension, planned, symbols)
            values.append(choice if isinstance(choice, int) else choice.value)
            chosen += [choice] if isinstance(choice, ChosenDimension) else []
        shapes[tensor.name] = tuple(values)
    return ChosenShapes(shapes=shapes, chosen=tuple(chosen))


def _check_types(inputs: Sequence[Tensor]) -> None:
    for tensor in inputs:
        if tensor.dtype not in INPUT_BITS:
            msg = f"takes {tensor}: inputs of type {tensor.dtype} are not supported"
            raise BadModel(msg)


def _check_names(inputs: Sequence[Tensor], planned: Mapping[str, Sequence[int]]) -> None:
    names = [tensor.name for tensor in inputs]
    for name in planned:
        if name not in names:
            near = get_close_matches(name, names, n=1, cutoff=0.0)
            msg = f"has no input {name!r}" + (f": did you mean {near[0]!r}?" if near else ", nor any other")
            raise BadModel(msg)


def _dimensions(tensor: Tensor, planned: Mapping[str, Sequence[int]]) -> tuple[int | str, ...]:
    """The file's dimensions; a tensor without rank has as many nameless ones as the plan gives."""
    if tensor.shape is not None:
        return tensor.shape
    if tensor.name in planned:
        return (NAMELESS,) * len(planned[tensor.name])
    msg = f"does not say how many dimensions input {tensor.name!r} has: give its shape under 'inputs' in the plan"
    raise BadModel(msg)


def _planned_symbols(inputs: Sequence[Tensor], planned: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """The value of each name that the plan's shapes settle; checks that they fit the file and each other."""
    symbols: dict[str, int] = {}
    for tensor in inputs:
        if tensor.name not in planned:
            continue
        given, own = planned[tensor.name], _dimensions(tensor, planned)
        if len(given) != len(own):
            msg = f"takes {tensor}, which has {len(own)} dimensions; the plan gives {len(given)}"
            raise BadModel(msg)
        for axis, (value, dimension) in enumerate(zip(given, own, strict=True)):
            known = dimension if isinstance(dimension, int) else symbols.get(dimension, value)
            if known != value:
                msg = f"takes {tensor}; the plan gives {value} for dimension {axis}, which must be {known}"
                raise BadModel(msg)
            if isinstance(dimension, str) and dimension != NAMELESS:
                symbols[dimension] = value
    return symbols


def _choose(
    tensor: Tensor,
    axis: int,
    dimension: int | str,
    planned: Mapping[str, Sequence[int]],
    symbols: Mapping[str, int],
) -> int | ChosenDimension:
    if isinstance(dimension, int):
        return dimension
    if tensor.name in planned:
        value, source = planned[tensor.name][axis], _PLAN
    else:
        value, source = _by_name(dimension, symbols)
    return ChosenDimension(input=tensor.name, axis=axis, name=dimension, value=value, source=source)


def _by_name(name: str, symbols: Mapping[str, int]) -> tuple[int, str]:
    if name in symbols:
        return symbols[name], _PLAN
    parts = [part.strip() for part in name.split("+")]
    if len(parts) > 1 and all(part.isidentifier() or part.isdecimal() for part in parts):
        values = [(int(part), _DEFAULT) if part.isdecimal() else _by_name(part, symbols) for part in parts]
        return sum(value for value, _ in values), _PLAN if any(source == _PLAN for _, source in values) else _DEFAULT
    plain = name.lower()
    return 0 if plain.startswith("past") else _DEFAULTS.get(plain, 1), _DEFAULT


def check_budget(inputs: Sequence[Tensor], shapes: Mapping[str, Sequence[int]]) -> None:
    """Raises BadModel for inputs that take more than INPUT_BUDGET_BYTES together."""
    total = 0
    for tensor in inputs:
        total += math.prod(shapes[tensor.name]) * INPUT_BITS[tensor.dtype] // 8
        if total > INPUT_BUDGET_BYTES:
            dims = "×".join(map(str, shapes[tensor.name]))
            msg = f"takes more than {INPUT_BUDGET_BYTES >> 20} MiB of input ({tensor.name!r} is [{dims}])"
            raise BadModel(msg)
