"""The real onnx2tf, where it is installed: what is recorded is what it makes, and real networks come out alike."""

import os
import runpy
from pathlib import Path
from typing import Any

import pytest

from orchestrator.conversion.cache import Cache
from orchestrator.conversion.convert import Workshop
from orchestrator.conversion.tool import VARIABLE, Tool, find_tool
from orchestrator.inputs.model_file import inspect_model

NAMED = os.environ.get("BENCH_TEST_ONNX2TF", "")
HERE = Path(__file__).parent
MODELS = HERE.parents[1] / "benchmarks" / "models"

pytestmark = [
    pytest.mark.converter,
    pytest.mark.skipif(not NAMED, reason="BENCH_TEST_ONNX2TF names no onnx2tf; see 'bench setup-converter'"),
]


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """The one that the variable names."""
    return find_tool({VARIABLE: NAMED, "PATH": os.defpath}, tmp_path)


def test_what_is_recorded_is_what_the_tool_makes(tmp_path: Path, tool: Tool) -> None:
    record = runpy.run_path(str(HERE / "record.py"))
    recorded = HERE / "recorded"
    assert record["make_model"]().SerializeToString(deterministic=True) == (recorded / "small.onnx").read_bytes()
    record["convert"](NAMED, recorded / "small.onnx", tmp_path / "small.tflite")
    if tool.version == "2.6.9":
        assert (tmp_path / "small.tflite").read_bytes() == (recorded / "small.tflite").read_bytes()


@pytest.mark.parametrize("name", ["small", "shufflenet", "squeezenet"])
def test_a_network_comes_out_alike(tmp_path: Path, tool: Tool, ask: Any, name: str) -> None:
    inputs = {"image": (2, 3, 20, 16), "ids": (2, 4)} if name == "small" else {}
    path = HERE / "recorded" / "small.onnx" if name == "small" else MODELS / f"{name}.onnx"
    before = path.read_bytes()
    model = inspect_model(name, path, inputs=inputs)
    found = Workshop(tool=tool, cache=Cache(tmp_path / "conversions"), say=print).convert(model, ask(model))
    assert found.failure == ""
    assert found.difference is not None
    assert found.difference.relative is not None
    assert found.difference.relative < 1e-4
    assert found.model is not None
    assert found.model.chosen_dimensions == ()
    assert path.read_bytes() == before
