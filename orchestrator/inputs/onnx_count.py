"""Counts an ONNX model's parameters and multiply-accumulates from its shapes, without its weights.

A multiply-accumulate is one product that is added to a sum. Counted are the operators that consist of them:
convolutions, matrix products and recurrent layers, by the definitions of onnx/docs/Operators.md. Elementwise
operators, pooling and normalization count as none, as is usual.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from onnx import ModelProto, NodeProto, TensorProto, helper

from orchestrator.inputs.onnx_data import elements
from orchestrator.inputs.onnx_walk import all_tensors, subgraphs

Shape = Sequence[int]
# The shapes of a node's inputs and outputs, then the node.
Rule = Callable[[Sequence[Shape], Sequence[Shape], NodeProto], int]

_NO_WEIGHTS = {TensorProto.INT64, TensorProto.STRING, TensorProto.BOOL}  # shapes, indices, labels and masks


class _Unknown(Exception):
    """A shape that is not known, or an operator whose count depends on more than shapes."""


def count_parameters(model: ModelProto) -> int:
    """The elements of all initializers and constants that can be weights; a scalar is a setting."""
    return sum(elements(tensor) for tensor in all_tensors(model) if tensor.dims and tensor.data_type not in _NO_WEIGHTS)


def count_multiply_accumulates(model: ModelProto) -> int | None:
    """Of one run, for a model whose shapes have been inferred and whose functions are inlined.

    None where a shape is not known or an operator's count is not.
    """
    shapes = _known_shapes(model)
    try:
        return sum(_of_node(node, shapes) for node in model.graph.node)
    except _Unknown:
        return None


def _known_shapes(model: ModelProto) -> dict[str, tuple[int, ...]]:
    graph = model.graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    shapes |= {tensor.values.name: tuple(tensor.dims) for tensor in graph.sparse_initializer}
    for entry in (*graph.value_info, *graph.input, *graph.output):
        tensor = entry.type.tensor_type
        if tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in tensor.shape.dim):
            shapes.setdefault(entry.name, tuple(dim.dim_value for dim in tensor.shape.dim))
    return shapes


def _of_node(node: NodeProto, shapes: Mapping[str, Shape]) -> int:
    if node.domain == "com.microsoft" or node.op_type in _DEPENDS:
        raise _Unknown
    if any(inner.op_type in _RULES or inner.op_type in _DEPENDS for graph in subgraphs(node) for inner in graph.node):
        raise _Unknown  # which branch is taken, and how often a loop runs, is known only when it runs
    rule = _RULES.get(node.op_type)
    if rule is None:
        return 0
    try:
        return rule(_Shapes(node.input, shapes), _Shapes(node.output, shapes), node)
    except IndexError as error:
        raise _Unknown from error


class _Shapes(Sequence[Shape]):
    """The shapes of some names, looked up when asked for: a node may have others that nobody knows."""

    def __init__(self, names: Sequence[str], shapes: Mapping[str, Shape]) -> None:
        self._names = names
        self._shapes = shapes

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, place: int) -> Shape:  # type: ignore[override]
        shape = self._shapes.get(self._names[place])
        if shape is None:
            raise _Unknown
        return shape


def _convolution(weights: int) -> Rule:
    """Each output element sums over the kernel and the channels of its group: weights are [out, in/group, *kernel]."""
    return lambda inputs, outputs, _: math.prod(outputs[0]) * math.prod(inputs[weights][1:])


def _transposed_convolution(inputs: Sequence[Shape], outputs: Sequence[Shape], _: NodeProto) -> int:
    """Each input element is spread over the kernel and the channels of its group: [in, out/group, *kernel]."""
    return math.prod(inputs[0]) * math.prod(inputs[1][1:])


def _matrix_product(inputs: Sequence[Shape], outputs: Sequence[Shape], _: NodeProto) -> int:
    return math.prod(outputs[0]) * inputs[0][-1]


def _gemm(inputs: Sequence[Shape], outputs: Sequence[Shape], node: NodeProto) -> int:
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return math.prod(outputs[0]) * inputs[0][0 if transposed else 1]


def _recurrent(inputs: Sequence[Shape], outputs: Sequence[Shape], node: NodeProto) -> int:
    """Each step multiplies the input by W and the state by R; X is [steps, batch, ...], or batch first."""
    return inputs[0][0] * inputs[0][1] * (math.prod(inputs[1]) + math.prod(inputs[2]))


def _einsum(inputs: Sequence[Shape], outputs: Sequence[Shape], node: NodeProto) -> int:
    """One product for each combination of all indices, when two tensors are multiplied."""
    equation = next(helper.get_attribute_value(entry) for entry in node.attribute if entry.name == "equation").decode()
    terms = equation.replace(" ", "").split("->")[0].split(",")
    if "..." in equation or len(terms) != 2:
        raise _Unknown
    sizes = {
        index: size
        for term, shape in zip(terms, inputs, strict=False)
        for index, size in zip(term, shape, strict=False)
    }
    return math.prod(sizes.values())


_RULES: dict[str, Rule] = {
    **dict.fromkeys(("Conv", "ConvInteger", "DeformConv"), _convolution(1)),
    "QLinearConv": _convolution(3),
    "ConvTranspose": _transposed_convolution,
    **dict.fromkeys(("MatMul", "MatMulInteger", "QLinearMatMul"), _matrix_product),
    "Gemm": _gemm,
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _recurrent),
    "Einsum": _einsum,
}
_DEPENDS = {"Attention", "LinearAttention", "CausalConvWithState", "SwiGLU"}
