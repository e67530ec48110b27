"""proto2 messages declared as dataclasses: each field has its number, and its wire type follows from its own.

int is int64 (int32 and enums look the same on the wire), float is the 32-bit float, str is string, a dataclass a
message, a tuple a repeated field (numbers packed). The bytes are read and written by protobuf itself.
"""

import dataclasses
import functools
import math
import threading
import typing
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from orchestrator.protocol.unreadable import Unreadable

MAX_PROTO_BYTES = 16 * 2**20

_Wire = descriptor_pb2.FieldDescriptorProto
_SCALARS = {int: _Wire.TYPE_INT64, float: _Wire.TYPE_FLOAT, str: _Wire.TYPE_STRING}
_PACKAGE = "bench"
_POOL = descriptor_pool.DescriptorPool()
_DESCRIBING = threading.Lock()  # results are read in threads, and the pool takes each name only once

_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Number:
    """The number of a field, beside its type in `Annotated`. At most one field of a `oneof` is set."""

    number: int
    oneof: str = ""


@dataclass(frozen=True, kw_only=True)
class _Field:
    name: str
    number: int
    kind: Any
    repeated: bool
    oneof: str

    @property
    def nested(self) -> bool:
        """Whether it holds a message."""
        return self.kind not in _SCALARS


@functools.cache
def _fields(row: Any) -> tuple[_Field, ...]:
    hints = typing.get_type_hints(row, include_extras=True)
    return tuple(_field(item.name, *typing.get_args(hints[item.name])) for item in dataclasses.fields(row))


def _field(name: str, hint: Any, number: Number) -> _Field:
    return _Field(
        name=name,
        number=number.number,
        kind=typing.get_args(hint)[0],
        repeated=typing.get_origin(hint) is tuple,
        oneof=number.oneof,
    )


def parse_message(row: type[_Row], data: bytes) -> _Row:
    """The message in `data`; unknown fields are passed over, and bytes in a text that are no UTF-8 replaced.

    Raises Unreadable where the bytes are no such message, more than MAX_PROTO_BYTES, or hold NaN or infinity.
    """
    if len(data) > MAX_PROTO_BYTES:
        reason = f"longer than {MAX_PROTO_BYTES >> 20} MiB"
        raise Unreadable(reason)
    kind: Any = row
    read = _message_class(kind)()
    try:
        read.ParseFromString(data)
        parsed: _Row = _from_message(kind, read)
    except (message.DecodeError, UnicodeDecodeError) as error:
        reason = f"no {row.__name__} message"
        raise Unreadable(reason) from error
    return parsed


def _from_message(row: Any, read: Any) -> Any:
    values = {}
    for item in _fields(row):
        if item.repeated:
            values[item.name] = tuple(_value(item, value) for value in getattr(read, item.name))
        elif read.HasField(item.name):
            values[item.name] = _value(item, getattr(read, item.name))
    return row(**values)


def _value(item: _Field, value: Any) -> Any:
    if item.nested:
        return _from_message(item.kind, value)
    if item.kind is float and not math.isfinite(value):
        reason = f"{item.name} is not a finite number"
        raise Unreadable(reason)
    # proto2 does not check text: what is no UTF-8 comes out as bytes.
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def encode_message(row: Any) -> bytes:
    """The message's bytes, fields by number; None is left out, an explicit 0 is written."""
    data: bytes = _to_message(row).SerializeToString(deterministic=True)
    return data


def _to_message(row: Any) -> Any:
    kind: Any = type(row)
    written = _message_class(kind)()
    for item in _fields(kind):
        value = getattr(row, item.name)
        if item.repeated:
            getattr(written, item.name).extend(map(_to_message, value) if item.nested else value)
        elif value is not None and item.nested:
            getattr(written, item.name).CopyFrom(_to_message(value))
        elif value is not None:
            setattr(written, item.name, value)
    return written


def _message_class(row: Any) -> Any:
    with _DESCRIBING:
        return _described_class(row)


@functools.cache
def _described_class(row: Any) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(_describe(row)))


@functools.cache
def _describe(row: Any) -> str:
    """Put a dataclass and all it holds into the pool, each as a file of one message; gives the full name."""
    file = descriptor_pb2.FileDescriptorProto(name=row.__name__, package=_PACKAGE, syntax="proto2")
    described = file.message_type.add(name=row.__name__)
    for item in _fields(row):
        added = described.field.add(name=item.name, number=item.number)
        added.label = _Wire.LABEL_REPEATED if item.repeated else _Wire.LABEL_OPTIONAL
        if item.nested:
            added.type, added.type_name = _Wire.TYPE_MESSAGE, f".{_describe(item.kind)}"
            if item.kind.__name__ not in file.dependency:
                file.dependency.append(item.kind.__name__)
        else:
            added.type = _SCALARS[item.kind]
            added.options.packed = item.repeated
        if item.oneof:
            _join(described, added, item.oneof)
    _POOL.Add(file)
    return f"{_PACKAGE}.{row.__name__}"


def _join(described: Any, added: Any, oneof: str) -> None:
    names = [declared.name for declared in described.oneof_decl]
    if oneof not in names:
        described.oneof_decl.add(name=oneof)
        names.append(oneof)
    added.oneof_index = names.index(oneof)
