"""The lookup tables of an ONNX model, for the values of its integer inputs."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import onnx

from orchestrator.localcloud.measure.tables import Step, index_bounds

_LOOKUPS = {"Gather", "GatherElements"}  # data, indices
_HAND_ON = {"Cast", "Reshape", "Unsqueeze", "Squeeze", "Identity", "Flatten", "Transpose", "Slice", "Concat"}


def onnx_index_bounds(path: Path, inputs: Iterable[str]) -> Mapping[str, int]:
    """For each of the inputs that indexes a table, the table's rows. Only constants count as tables."""
    graph = onnx.load(path, load_external_data=False).graph
    return index_bounds(inputs, _steps(graph))


def _steps(graph: onnx.GraphProto) -> Iterator[Step]:
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type in _LOOKUPS and len(node.input) > 1 and node.input[0] in shapes:
            shape, axis = shapes[node.input[0]], _axis(node)
            if -len(shape) <= axis < len(shape):
                yield Step(reads=node.input[1], rows=shape[axis])
        elif node.op_type in _HAND_ON and node.input:
            yield Step(reads=node.input[0], gives=tuple(node.output))


def _axis(node: onnx.NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
