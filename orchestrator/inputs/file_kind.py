"""Tells a model from the other things that end up under a model's name, by the file's first bytes."""

import stat
from pathlib import Path

from orchestrator.domain.model import ModelFormat
from orchestrator.inputs.inspection import BadModel

_HEAD_BYTES = 4096
_TFLITE_IDENTIFIER = b"TFL3"  # at byte 4, as in every flatbuffer
_ENDINGS = {".onnx": ModelFormat.ONNX, ".tflite": ModelFormat.TFLITE}
_PRINTED = {ModelFormat.ONNX: "an ONNX model", ModelFormat.TFLITE: "a TFLite model"}

# (the bytes it starts with, what it is and what to do)
_FOREIGN = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the model itself: run 'git lfs pull'"),
    (b"\x80\x02", "is a Python pickle (an old PyTorch file?): export the model to ONNX"),
    (b"\x80\x04", "is a Python pickle: export the model to ONNX"),
    (b"\x89HDF", "is an HDF5 file (Keras?): convert the model to TFLite or ONNX"),
    (b"GGUF", "is a GGUF file: export the model to ONNX"),
    (b"\x1f\x8b", "is a gzip archive: unpack it first"),
    (b"\x7fELF", "is a program, not a model"),
    (b"%PDF", "is a PDF document, not a model"),
)


def format_of(path: Path) -> ModelFormat:
    """The format of a model file, which its ending must tell too. Raises BadModel, and OSError if it is unreadable."""
    _check_plain(path)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    found, expected = _by_content(head), _ENDINGS.get(path.suffix.lower())
    if expected is None and found is None:
        msg = "is neither an ONNX nor a TFLite model"
        raise BadModel(msg)
    if found and found is not expected:
        msg = f"is {_PRINTED[found]}: give it the ending .{found}"
        raise BadModel(msg)
    if expected is ModelFormat.TFLITE and found is None:
        msg = "is no TFLite model: bytes 4 to 8 are not 'TFL3'"
        raise BadModel(msg)
    return expected or ModelFormat.ONNX


def _check_plain(path: Path) -> None:
    """Nothing that blocks or never ends when read: no folder, pipe or device. A link to a plain file is one."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        msg = "is a folder: name the model file in it"
    elif not stat.S_ISREG(mode):
        msg = "is no plain file"
    elif not path.stat().st_size:
        msg = "is empty"
    else:
        return
    raise BadModel(msg)


def _by_content(head: bytes) -> ModelFormat | None:
    """What the bytes say; None where they may still be ONNX, which has no identifier of its own."""
    if head[4:8] == _TFLITE_IDENTIFIER:
        return ModelFormat.TFLITE
    if foreign := _foreign(head):
        raise BadModel(foreign)
    return None


def _foreign(head: bytes) -> str | None:
    for start, words in _FOREIGN:
        if head.startswith(start):
            return words
    if head.startswith(b"PK\x03\x04"):
        torch = b"data.pkl" in head
        return "is a PyTorch file: export the model to ONNX" if torch else "is a zip archive: unpack it first"
    if head[257:262] == b"ustar":
        return "is a tar archive: unpack it first"
    if head[8:10] == b'{"' and not any(head[6:8]):
        return "is a safetensors file: export the model to ONNX"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "is an HTML or XML page (did its download go wrong?)"
    if text.startswith((b"{", b"[")):
        return "is a JSON file, not a model"
    return None
