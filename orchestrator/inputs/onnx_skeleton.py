"""Reads an ONNX file of any size without its weights.

Walks the protobuf wire format (protobuf.dev/programming-guides/encoding) over a memory map and copies all but the data
of large tensors, which become references to an external file that does not matter. The field numbers are those of
onnx/onnx.proto. A gigabyte of weights costs a few milliseconds and no memory.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto

from orchestrator.inputs.inspection import BadModel
from orchestrator.inputs.onnx_data import check_payload

KEPT_TENSOR_BYTES = 4096
KEPT_INTEGER_BYTES = 1 << 16  # integers may be shapes, which shape inference reads; none is longer
MAX_SKELETON_BYTES = 64 << 20
MAX_DEPTH = 64  # of messages; a graph in a graph takes three
_FORGET_AFTER_TENSORS = 256

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}

# For each message: the fields that may hold tensors, and which message they are.
_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "function": {7: "node", 11: "attribute"},
}
_ALWAYS_WALKED = {"model", "graph"}  # so that what is wrong in a small file is said as precisely
_LEFT_OUT = {"model": {20}}  # training_info: more graphs, which no measurement runs
_PAYLOAD = {4: "float_data", 5: "int32_data", 7: "int64_data", 9: "raw_data", 10: "double_data", 11: "uint64_data"}
_INTEGERS = {TensorProto.INT32, TensorProto.INT64}

Field = tuple[int, int, int, int, int]  # number, wire type, start, end, start of the value (a varint's value)


def read_skeleton(path: Path, *, dropped: str) -> ModelProto:
    """The model, each large tensor's data replaced by a reference to the external file `dropped`.

    Checks that the dropped data is as long as its tensor's shape needs. Raises BadModel.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        skeleton = _Walker(data, dropped).message(0, len(data), "model", 0)
    model = ModelProto()
    try:
        model.ParseFromString(skeleton)
    except DecodeError as error:
        msg = "is no ONNX model: its graph is corrupt, or nested too deeply"
        raise BadModel(msg) from error
    return model


class _Walker:
    """One pass over a file."""

    def __init__(self, data: mmap.mmap, dropped: str) -> None:
        self._data = data
        stub = TensorProto(data_location=TensorProto.EXTERNAL)
        stub.external_data.add(key="location", value=dropped)
        self._stub: bytes = stub.SerializeToString()
        self._copied_bytes = 0
        self._tensors = 0

    def message(self, start: int, end: int, kind: str, depth: int) -> bytes:
        """A message without its large tensors."""
        if kind == "tensor":
            return self._tensor(start, end)
        if end - start <= KEPT_TENSOR_BYTES and kind not in _ALWAYS_WALKED:
            return self._copy(start, end)
        if depth > MAX_DEPTH:
            msg = "nests graphs too deeply"
            raise BadModel(msg)
        inside, left_out, parts = _INSIDE[kind], _LEFT_OUT.get(kind, ()), bytearray()
        for number, wire_type, first, last, value in fields(self._data, start, end):
            if number in inside and wire_type == _BYTES:
                part = self.message(value, last, inside[number], depth + 1)
                parts += _varint(number << 3 | _BYTES) + _varint(len(part)) + part
            elif number not in left_out:
                parts += self._copy(first, last)
        return bytes(parts)

    def _tensor(self, start: int, end: int) -> bytes:
        if end - start <= KEPT_TENSOR_BYTES:
            return self._copy(start, end)
        header, payload = bytearray(), dict.fromkeys(_PAYLOAD.values(), 0)
        for number, wire_type, first, last, value in fields(self._data, start, end):
            if number in _PAYLOAD and wire_type == _BYTES:
                payload[_PAYLOAD[number]] += last - value
            else:
                header += self._copy(first, last)
        tensor = _parse_header(bytes(header))
        kept = KEPT_INTEGER_BYTES if tensor.data_type in _INTEGERS else KEPT_TENSOR_BYTES
        if sum(payload.values()) <= kept:
            return self._copy(start, end)
        check_payload(tensor, payload)
        self._forget()
        return bytes(header) + self._stub

    def _copy(self, start: int, end: int) -> bytes:
        self._copied_bytes += end - start
        if self._copied_bytes > MAX_SKELETON_BYTES:
            msg = f"is too large without its weights: more than {MAX_SKELETON_BYTES >> 20} MiB of graph"
            raise BadModel(msg)
        return self._data[start:end]

    def _forget(self) -> None:
        """Lets go of the pages read so far, which count as this process's memory."""
        self._tensors += 1
        if self._tensors % _FORGET_AFTER_TENSORS == 0 and hasattr(mmap, "MADV_DONTNEED"):
            self._data.madvise(mmap.MADV_DONTNEED)


def _parse_header(header: bytes) -> TensorProto:
    tensor = TensorProto()
    try:
        tensor.ParseFromString(header)
    except DecodeError as error:
        msg = "is no ONNX model: the description of a tensor is corrupt"
        raise BadModel(msg) from error
    return tensor


def fields(data: mmap.mmap | bytes, start: int, end: int) -> Iterator[Field]:
    """The fields of the message in data[start:end]. Raises BadModel where it is no message."""
    place = start
    while place < end:
        first = place
        tag, place = _read_varint(data, place, end)
        number, wire_type = tag >> 3, tag & 7
        value = place
        if wire_type == _VARINT:
            value, place = _read_varint(data, place, end)
        elif wire_type == _BYTES:
            size, value = _read_varint(data, place, end)
            place = value + size
        elif wire_type in _FIXED_SIZES:
            place += _FIXED_SIZES[wire_type]
        else:
            number = 0
        if not number:
            msg = f"is no ONNX model: byte {first} starts no protobuf field"
            raise BadModel(msg)
        if place > end:
            msg = f"is truncated or corrupt: field {number} at byte {first} ends {place - end} bytes after its message"
            raise BadModel(msg)
        yield number, wire_type, first, place, value


def _read_varint(data: mmap.mmap | bytes, place: int, end: int) -> tuple[int, int]:
    """The number at `place` and the place behind it."""
    value = shift = 0
    while place < end and shift < 64:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
    msg = f"is truncated or corrupt: no number ends at byte {place}"
    raise BadModel(msg)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))
