"""Tensors whose data lies beside the model file. Source: onnx/docs/ExternalData.md."""

from collections.abc import Mapping
from pathlib import Path

from onnx import ModelProto, TensorProto

from orchestrator.inputs.external_data import MAX_FILES
from orchestrator.inputs.inspection import BadModel
from orchestrator.inputs.onnx_data import check_payload, needed_bytes, payload_of
from orchestrator.inputs.onnx_skeleton import KEPT_INTEGER_BYTES
from orchestrator.inputs.onnx_walk import all_tensors


def check_data(model: ModelProto, *, dropped: str) -> dict[str, int]:
    """Checks each tensor's data but what the skeleton dropped and checked itself.

    Returns how long each external file must be. Raises BadModel.
    """
    locations: dict[str, int] = {}
    for tensor in all_tensors(model):
        if not is_external(tensor):
            if tensor.data_type != TensorProto.STRING:
                check_payload(tensor, payload_of(tensor))
            continue
        location, offset, length = _reference(tensor)
        if location != dropped:
            locations[location] = max(locations.get(location, 0), offset + length)
    if len(locations) > MAX_FILES:
        msg = f"has more than {MAX_FILES} files of external data"
        raise BadModel(msg)
    return locations


def bring_in(model: ModelProto, files: Mapping[str, Path], *, dropped: str) -> None:
    """Reads small external tensors, which may be shapes, into the model; the rest become references to `dropped`.

    `files` has each location's path.
    """
    for tensor in all_tensors(model):
        if not is_external(tensor):
            continue
        location, offset, length = _reference(tensor)
        if location == dropped:
            continue
        del tensor.external_data[:]
        if length > KEPT_INTEGER_BYTES or tensor.data_type not in (TensorProto.INT32, TensorProto.INT64):
            tensor.external_data.add(key="location", value=dropped)
            continue
        tensor.ClearField("data_location")
        with files[location].open("rb") as file:
            file.seek(offset)
            tensor.raw_data = file.read(length)


def is_external(tensor: TensorProto) -> bool:
    """Whether the tensor's data lies in another file."""
    return bool(tensor.data_location == TensorProto.EXTERNAL)


def _reference(tensor: TensorProto) -> tuple[str, int, int]:
    """The file a tensor names, and the first byte and length of its data there."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location, needed = entries.get("location", ""), needed_bytes(tensor)
    offset, length = (_number(tensor, entries, key, default) for key, default in (("offset", 0), ("length", needed)))
    if length < needed:
        msg = (
            f"gives tensor {tensor.name!r} {length} bytes of {location!r}; its shape {list(tensor.dims)} needs {needed}"
        )
        raise BadModel(msg)
    return location, offset, needed


def _number(tensor: TensorProto, entries: Mapping[str, str], key: str, default: int) -> int:
    text = entries.get(key, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        msg = f"has no valid {key} for the external data of tensor {tensor.name!r}: {text[:40]!r}"
        raise BadModel(msg)
    return int(text)
