"""Reads a TFLite flatbuffer whose offsets and lengths may all be lies.

Schema: tensorflow/lite/schema/schema.fbs, by the generated classes of the `tflite` package. Those read no byte outside
the file, but follow any length they find, so each vector is counted against a budget before it is walked.
"""

import mmap
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tflite

from orchestrator.inputs.inspection import BadModel

SCHEMA_VERSION = 3
MAX_ITEMS = 2_000_000  # of all vectors together
MAX_NAME_BYTES = 4096
_CORRUPT = (struct.error, IndexError, ValueError, TypeError, OverflowError)  # what the generated classes raise
_TYPES = {number: name.lower() for name, number in vars(tflite.TensorType).items() if isinstance(number, int)}


@dataclass(frozen=True, kw_only=True)
class TfliteTensor:
    """A tensor. -1 in `signature` is a dynamic dimension. `buffer` 0 is none, `data_bytes` the length of its data."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    buffer: int
    data_bytes: int
    quantized: bool
    sparse: bool


@dataclass(frozen=True, kw_only=True)
class TfliteOperator:
    """An operator and its tensors by number; -1 is an optional input left out."""

    name: str
    custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class TfliteGraph:
    """A subgraph; the first is the model's own."""

    tensors: tuple[TfliteTensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[TfliteOperator, ...]


@dataclass(frozen=True, kw_only=True)
class TfliteTables:
    """What a model consists of, its weights aside."""

    description: str
    graphs: tuple[TfliteGraph, ...]


def read_tables(path: Path) -> TfliteTables:
    """All tables of the file, in which every number that names another table does so. Raises BadModel."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, _corruption_told():
        return _Reader(data).model()


@contextmanager
def _corruption_told() -> Iterator[None]:
    try:
        yield
    except BadModel:
        raise
    except _CORRUPT as error:
        msg = f"is a corrupt TFLite model: a table lies outside the file ({error})"
        raise BadModel(msg) from error


class _Reader:
    """One pass over the tables."""

    def __init__(self, data: mmap.mmap) -> None:
        self._size = len(data)
        self._items = 0
        self._model = tflite.Model.GetRootAs(data, 0)

    def model(self) -> TfliteTables:
        """Everything from the root on."""
        model = self._model
        if model.Version() != SCHEMA_VERSION:
            msg = f"has TFLite schema version {model.Version()}; runtimes take {SCHEMA_VERSION}"
            raise BadModel(msg)
        self._codes = self._all(model.OperatorCodesLength, lambda j: self._code(model.OperatorCodes(j)))
        self._buffers = self._all(model.BuffersLength, lambda j: self._data_bytes(model.Buffers(j)))
        return TfliteTables(
            description=_text(model.Description()),
            graphs=self._all(model.SubgraphsLength, lambda j: self._graph(model.Subgraphs(j))),
        )

    def _all(self, length: Callable[[], int], item: Callable[[int], Any]) -> tuple[Any, ...]:
        """A vector's items. A length that the file cannot hold, or that others have used up, is a lie."""
        count = length()
        self._items += count
        if count * 4 > self._size or self._items > MAX_ITEMS:
            msg = f"is a corrupt TFLite model: it has a list of {count} entries"
            raise BadModel(msg)
        return tuple(item(place) for place in range(count))

    def _code(self, code: Any) -> tuple[str, bool]:
        """An operator's name, and whether it is a custom one."""
        number = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())  # the older field holds numbers below 127
        if number == tflite.BuiltinOperator.CUSTOM:
            return _text(code.CustomCode()), True
        return tflite.utils.BUILTIN_OPCODE2NAME.get(number, f"BUILTIN_{number}"), False

    def _data_bytes(self, buffer: Any) -> int:
        length = buffer.DataLength()
        if length:
            buffer.Data(length - 1)  # raises where the last byte lies outside the file
            return int(length)
        offset, size = buffer.Offset(), buffer.Size()  # data behind the tables, in files over 2 GB
        if size and offset + size > self._size:
            msg = "is truncated: its weights end behind the file"
            raise BadModel(msg)
        return int(size)

    def _graph(self, graph: Any) -> TfliteGraph:
        tensors = self._all(graph.TensorsLength, lambda j: self._tensor(graph.Tensors(j)))
        checked = _Checked(len(tensors))
        return TfliteGraph(
            tensors=tensors,
            inputs=checked(self._all(graph.InputsLength, graph.Inputs)),
            outputs=checked(self._all(graph.OutputsLength, graph.Outputs)),
            operators=self._all(graph.OperatorsLength, lambda j: self._operator(graph.Operators(j), checked)),
        )

    def _operator(self, operator: Any, checked: "_Checked") -> TfliteOperator:
        name, custom = self._codes[operator.OpcodeIndex()]
        return TfliteOperator(
            name=name,
            custom=custom,
            inputs=checked(self._all(operator.InputsLength, operator.Inputs), least=-1),
            outputs=checked(self._all(operator.OutputsLength, operator.Outputs)),
        )

    def _tensor(self, tensor: Any) -> TfliteTensor:
        if tensor.Type() not in _TYPES:
            msg = f"has a tensor of an unknown type ({tensor.Type()})"
            raise BadModel(msg)
        shape = self._all(tensor.ShapeLength, tensor.Shape)
        quantization = tensor.Quantization()
        return TfliteTensor(
            name=_text(tensor.Name()),
            dtype=_TYPES[tensor.Type()],
            shape=shape,
            signature=self._all(tensor.ShapeSignatureLength, tensor.ShapeSignature) or shape,
            buffer=tensor.Buffer(),
            data_bytes=self._buffers[tensor.Buffer()],
            quantized=quantization is not None and quantization.ScaleLength() > 0,
            sparse=tensor.Sparsity() is not None,
        )


@dataclass(frozen=True)
class _Checked:
    """Lets numbers of tensors pass that name one of `count`."""

    count: int

    def __call__(self, numbers: tuple[int, ...], *, least: int = 0) -> tuple[int, ...]:
        if any(not least <= number < self.count for number in numbers):
            msg = "is a corrupt TFLite model: an operator names a tensor that is not there"
            raise BadModel(msg)
        return numbers


def _text(text: bytes | None) -> str:
    return (text or b"")[:MAX_NAME_BYTES].decode("utf-8", "replace")
