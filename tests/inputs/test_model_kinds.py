"""What ends up under a model's name is told from a model, in words that say what to do."""

import io
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from onnx import ModelProto

from orchestrator.errors import ModelError
from orchestrator.inputs.model_file import inspect_model

OnnxFile = Callable[..., Path]


def zipped(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return target.getvalue()


def tarred() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.onnx"))
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html>\n<html><body>Not found", "is an HTML or XML page"),
        (b"\n <html>", "is an HTML or XML page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied', "is an HTML or XML page"),
        (b'{"error": "not found"}', "is a JSON file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 102442450\n", "git lfs pull"),
        (zipped("archive/data.pkl", "archive/version"), "is a PyTorch file: export the model to ONNX"),
        (zipped("model.onnx"), "is a zip archive: unpack it first"),
        (tarred(), "is a tar archive: unpack it first"),
        (b"\x1f\x8b\x08\x00" + b"x" * 20, "is a gzip archive: unpack it first"),
        (pickle.dumps({"weights": [1.0]}, protocol=2), "is a Python pickle (an old PyTorch file?)"),
        (pickle.dumps({"weights": [1.0]}, protocol=4), "is a Python pickle"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
        (b"GGUF\x03\0\0\0", "is a GGUF file"),
        (b"\x40\0\0\0\0\0\0\0" + b'{"w":{"dtype":"F32"}}', "is a safetensors file"),
        (b"\x7fELF\x02\x01\x01", "is a program"),
    ],
)
@pytest.mark.parametrize("ending", ["onnx", "tflite"])
def test_another_kind_of_file(onnx_file: OnnxFile, content: bytes, words: str, ending: str) -> None:
    path = onnx_file(content, f"model.{ending}")
    with pytest.raises(ModelError) as caught:
        inspect_model("model", path)
    assert str(caught.value).startswith(f"{path}: is ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.onnx", b"\x1c\0\0\0TFL3" + b"\0" * 40, "is a TFLite model: give it the ending .tflite"),
        ("model.bin", b"\x1c\0\0\0TFL3" + b"\0" * 40, "is a TFLite model: give it the ending .tflite"),
        ("model.tflite", b"\x08\x07\x12\x07pytorch", "is no TFLite model: bytes 4 to 8 are not 'TFL3'"),
        ("model.pb", b"\x08\x07\x12\x07pytorch", "is neither an ONNX nor a TFLite model"),
        ("model", b"hello", "is neither an ONNX nor a TFLite model"),
    ],
)
def test_an_ending_that_does_not_fit(onnx_file: OnnxFile, name: str, content: bytes, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        inspect_model("model", onnx_file(content, name))


def test_what_is_no_plain_file(tmp_path: Path) -> None:
    (folder := tmp_path / "folder.onnx").mkdir()
    os.mkfifo(pipe := tmp_path / "pipe.onnx")
    (dangling := tmp_path / "dangling.onnx").symlink_to("nowhere")
    for path, words in (
        (folder, "is a folder: name the model file in it"),
        (pipe, "is no plain file"),
        (dangling, "cannot be read: No such file or directory"),
        (tmp_path / "missing.onnx", "cannot be read: No such file or directory"),
        (Path("/dev/zero"), "is no plain file"),
    ):
        with pytest.raises(ModelError) as caught:
            inspect_model("model", path)
        assert str(caught.value) == f"{path}: {words}"


def test_a_link_to_a_model_is_a_model(
    onnx_file: OnnxFile, make_onnx: Callable[..., ModelProto], tmp_path: Path
) -> None:
    path = onnx_file(make_onnx())
    (link := tmp_path / "link.onnx").symlink_to(path)
    assert inspect_model("model", link).sha256 == inspect_model("model", path).sha256


def test_a_file_beyond_two_gibibytes(tmp_path: Path) -> None:
    with (path := tmp_path / "model.onnx").open("wb") as file:
        file.write(b"\x08\x08")
        file.truncate(1 << 31)
    with pytest.raises(ModelError, match="save its weights as external data"):
        inspect_model("model", path)
