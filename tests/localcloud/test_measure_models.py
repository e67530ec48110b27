"""The benchmark models: made from nothing but the packages, the same each time, and said to be random."""

import runpy
from pathlib import Path
from typing import Any

import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema

MODELS = Path(__file__).parents[2] / "benchmarks" / "models"


def script(name: str) -> dict[str, Any]:
    """The names a script defines."""
    return runpy.run_path(str(MODELS / name))


@pytest.mark.parametrize(
    ("name", "parameters_millions", "size_mb"), [("squeezenet", 1.235, 5.0), ("shufflenet", 1.4, 5.7)]
)
def test_onnx_models_are_the_real_architectures_with_random_weights(
    name: str, parameters_millions: float, size_mb: float, tmp_path: Path
) -> None:
    path, written = script("make_models.py")["write_model"](name, tmp_path)
    model = onnx.load(path)
    assert written
    assert path.stat().st_size / 1e6 == pytest.approx(size_mb, rel=0.02)
    assert sum(_size(tensor) for tensor in model.graph.initializer) / 1e6 == pytest.approx(
        parameters_millions, rel=0.03
    )
    assert (model.ir_version, model.opset_import[0].version) == (8, 17)
    assert {entry.key: entry.value for entry in model.metadata_props} == {"weights": "random (seed 0)"}
    assert len(model.graph.input) == 1


def test_an_onnx_model_that_is_there_is_left_alone_and_a_spoilt_one_is_made_again(tmp_path: Path) -> None:
    write_model = script("make_models.py")["write_model"]
    path, _ = write_model("squeezenet", tmp_path)
    first = path.read_bytes()
    assert write_model("squeezenet", tmp_path) == (path, False)
    path.write_bytes(first[:-1])
    assert write_model("squeezenet", tmp_path) == (path, True)
    assert path.read_bytes() == first
    assert [found.name for found in tmp_path.glob("*.onnx*")] == ["squeezenet.onnx"]


def test_the_committed_tflite_model_is_what_its_script_makes() -> None:
    committed = (MODELS / "tiny.tflite").read_bytes()
    assert len(committed) < 300_000
    assert script("make_tflite.py")["make_tiny"]() == committed


def test_the_tflite_model_says_its_weights_are_random_and_they_are_aligned() -> None:
    content = (MODELS / "tiny.tflite").read_bytes()
    model = schema.Model.GetRootAs(content)
    assert content[4:8] == b"TFL3"
    assert model.Description() == b"random weights (seed 0)"
    buffers = [model.Buffers(index) for index in range(1, model.BuffersLength())]
    starts = [buffer._tab.Vector(buffer._tab.Offset(4)) for buffer in buffers]
    assert buffers
    assert all(start % 16 == 0 for start in starts)


def _size(tensor: onnx.TensorProto) -> int:
    size = 1
    for length in tensor.dims:
        size *= length
    return size
