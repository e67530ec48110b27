"""How many bytes an ONNX tensor's shape needs, and whether it has them. Source: onnx/onnx.proto, TensorProto."""

import math
from collections.abc import Mapping

from onnx import TensorProto

from orchestrator.inputs.inspection import BadModel

_BITS: dict[int, int] = {
    **dict.fromkeys((TensorProto.UINT2, TensorProto.INT2), 2),
    **dict.fromkeys((TensorProto.UINT4, TensorProto.INT4, TensorProto.FLOAT4E2M1), 4),
    **dict.fromkeys((TensorProto.FLOAT6E2M3, TensorProto.FLOAT6E3M2), 6),
    **dict.fromkeys((TensorProto.UINT8, TensorProto.INT8, TensorProto.BOOL, TensorProto.FLOAT8E8M0), 8),
    **dict.fromkeys((TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E4M3FNUZ), 8),
    **dict.fromkeys((TensorProto.FLOAT8E5M2, TensorProto.FLOAT8E5M2FNUZ), 8),
    **dict.fromkeys((TensorProto.UINT16, TensorProto.INT16, TensorProto.FLOAT16, TensorProto.BFLOAT16), 16),
    **dict.fromkeys((TensorProto.UINT32, TensorProto.INT32, TensorProto.FLOAT), 32),
    **dict.fromkeys((TensorProto.UINT64, TensorProto.INT64, TensorProto.DOUBLE, TensorProto.COMPLEX64), 64),
    TensorProto.COMPLEX128: 128,
}
_VARINTS = {"int32_data", "int64_data", "uint64_data"}


def type_name(data_type: int) -> str:
    """ "float32" and the like, as numpy and the hub spell them; Raises BadModel for a number that is no type."""
    if data_type not in TensorProto.DataType.values():
        msg = f"has a tensor of an unknown type ({data_type})"
        raise BadModel(msg)
    name: str = TensorProto.DataType.Name(data_type).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)


def element_bits(data_type: int) -> int | None:
    """The size of an element; None for strings and what is no type."""
    return _BITS.get(data_type)


def elements(tensor: TensorProto) -> int:
    """How many elements a tensor's shape has. Raises BadModel for a negative dimension."""
    if any(size < 0 for size in tensor.dims):
        msg = f"has a negative dimension in tensor {tensor.name!r}: {list(tensor.dims)}"
        raise BadModel(msg)
    return math.prod(tensor.dims)


def needed_bytes(tensor: TensorProto) -> int:
    """The bytes of a tensor's elements, packed as in `raw_data`; 0 for strings."""
    return (elements(tensor) * (element_bits(tensor.data_type) or 0) + 7) // 8


def check_payload(tensor: TensorProto, payload_bytes: Mapping[str, int]) -> None:
    """Raises BadModel where a tensor's data (bytes in the file, by field) is shorter than its shape needs."""
    needed, had = needed_bytes(tensor), sum(payload_bytes.values())
    if any(payload_bytes.get(field) for field in _VARINTS):
        needed = _fewest_varints(tensor)
    if had < needed:
        msg = (
            f"has {had} bytes of data in tensor {tensor.name!r}, whose shape {list(tensor.dims)} "
            f"of {type_name(tensor.data_type)} needs {needed}"
        )
        raise BadModel(msg)


def payload_of(tensor: TensorProto) -> dict[str, int]:
    """The lower bound of the bytes each field of a parsed tensor took in the file."""
    return {
        "raw_data": len(tensor.raw_data),
        "float_data": len(tensor.float_data) * 4,
        "double_data": len(tensor.double_data) * 8,
        "int32_data": len(tensor.int32_data),
        "int64_data": len(tensor.int64_data),
        "uint64_data": len(tensor.uint64_data),
    }


def _fewest_varints(tensor: TensorProto) -> int:
    """A varint takes at least one byte and holds one element, or as many as fit one byte whole."""
    bits = element_bits(tensor.data_type) or 8
    return math.ceil(elements(tensor) / max(8 // bits, 1))
