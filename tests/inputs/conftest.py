"""Small ONNX models for the tests, good and bad."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

RELU = helper.make_node("Relu", ["x"], ["y"])
X, Y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in "xy")


def _make_onnx(
    nodes: Sequence[NodeProto] = (RELU,),
    inputs: Sequence[ValueInfoProto] = (X,),
    outputs: Sequence[ValueInfoProto] = (Y,),
    *,
    initializers: Sequence[TensorProto] = (),
    opset: int = 17,
    ir_version: int = 8,
    domains: Sequence[str] = (),
    **options: Any,
) -> ModelProto:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initializer=initializers)
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version, **options)


@pytest.fixture
def make_onnx() -> Callable[..., ModelProto]:
    """make_onnx(nodes, inputs, outputs, ...): a model; without arguments x [1, 3] -> Relu -> y."""
    return _make_onnx


@pytest.fixture
def onnx_file(tmp_path: Path) -> Callable[..., Path]:
    """onnx_file(content, name="model.onnx"): the path of a file with this model, or these bytes."""

    def write(content: ModelProto | bytes, name: str = "model.onnx") -> Path:
        folder = tmp_path / "models"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
        return path

    return write
