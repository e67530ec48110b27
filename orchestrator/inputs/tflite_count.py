"""Counts a TFLite model's parameters and multiply-accumulates; what counts is as in onnx_count.py.

The layouts of the weights: tensorflow/lite/kernels/{conv,depthwise_conv,fully_connected,transpose_conv}.cc.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from orchestrator.inputs.inspection import BadModel
from orchestrator.inputs.tflite_tables import TfliteGraph, TfliteOperator, TfliteTables, TfliteTensor

Shape = Sequence[int]

_NO_WEIGHTS = {"int64", "string", "bool"}


def count_parameters(tables: TfliteTables) -> int:
    """The elements of all constants that can be weights, each buffer once."""
    weights = {
        tensor.buffer: math.prod(tensor.shape)
        for graph in tables.graphs
        for tensor in graph.tensors
        if tensor.data_bytes and _can_be_weights(tensor)
    }
    return sum(weights.values())


def _can_be_weights(tensor: TfliteTensor) -> bool:
    """Integers of 32 bits are biases where they have a scale; else they are shapes, axes and paddings."""
    return tensor.dtype not in _NO_WEIGHTS and (tensor.dtype != "int32" or tensor.quantized)


def count_multiply_accumulates(graph: TfliteGraph, input_shapes: Mapping[str, Shape]) -> int | None:
    """Of one run; None where the chosen shapes are not the file's own, or an operator's count is not known.

    Raises BadModel for an operator that cannot be.
    """
    stored = {graph.tensors[number].name: graph.tensors[number].shape for number in graph.inputs}
    names = {operator.name for operator in graph.operators}
    if stored != dict(input_shapes) or names & _DEPENDS or any(operator.custom for operator in graph.operators):
        return None
    return sum(_of_operator(operator, graph.tensors) for operator in graph.operators)


def _of_operator(operator: TfliteOperator, tensors: Sequence[TfliteTensor]) -> int:
    rule = _RULES.get(operator.name)
    if rule is None:
        return 0
    inputs = [tensors[number].shape if number >= 0 else () for number in operator.inputs]
    try:
        return rule(inputs, tensors[operator.outputs[0]].shape)
    except IndexError as error:
        msg = f"is a corrupt TFLite model: a {operator.name} lacks tensors, or dimensions"
        raise BadModel(msg) from error


def _convolution(inputs: Sequence[Shape], output: Shape) -> int:
    """Weights are [out, *kernel, in/group]."""
    return math.prod(output) * math.prod(inputs[1][1:])


def _depthwise_convolution(inputs: Sequence[Shape], output: Shape) -> int:
    """Weights are [1, height, width, out]: each channel has its own kernel."""
    return math.prod(output) * math.prod(inputs[1][1:3])


def _transposed_convolution(inputs: Sequence[Shape], output: Shape) -> int:
    """Inputs are the output's shape, weights [out, height, width, in] and the data, each element of which is spread."""
    return math.prod(inputs[2]) * math.prod(inputs[1][:3])


def _matrix_product(inputs: Sequence[Shape], output: Shape) -> int:
    """Weights are [out, in]."""
    return math.prod(output) * inputs[1][-1]


_RULES: dict[str, Callable[[Sequence[Shape], Shape], int]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise_convolution,
    "TRANSPOSE_CONV": _transposed_convolution,
    "FULLY_CONNECTED": _matrix_product,
}
# Recurrent layers, products whose orientation lies in their options, and what runs another graph.
_DEPENDS = {
    *("LSTM", "RNN", "SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN"),
    *("BIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_RNN", "BATCH_MATMUL", "CONV_3D", "CONV_3D_TRANSPOSE"),
    *("IF", "WHILE", "CALL"),
}
