"""Looks into a TFLite model: its tables, its data's lengths, counts. Runs in the child."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from orchestrator.domain.model import Tensor
from orchestrator.inputs.dimensions import INPUT_BITS, NAMELESS, check_budget, choose_shapes
from orchestrator.inputs.inspection import BadModel, Inspection
from orchestrator.inputs.tflite_count import count_multiply_accumulates, count_parameters
from orchestrator.inputs.tflite_tables import TfliteGraph, TfliteTables, TfliteTensor, read_tables

MAX_OPERATORS = 100_000
_BITS = {**INPUT_BITS, "int4": 4, "complex64": 64, "complex128": 128}


def inspect_tflite(path: Path, planned: Mapping[str, Sequence[int]]) -> Inspection:
    """Raises BadModel."""
    tables = read_tables(path)
    _check(tables)
    graph = tables.graphs[0]
    inputs = tuple(_tensor(graph.tensors[number]) for number in graph.inputs)
    chosen = choose_shapes(inputs, planned)
    check_budget(inputs, chosen.shapes)
    operators = [operator for graph in tables.graphs for operator in graph.operators]
    return Inspection(
        inputs=inputs,
        outputs=tuple(_tensor(graph.tensors[number]) for number in graph.outputs),
        operators=dict(Counter(operator.name for operator in operators).most_common()),
        parameters=count_parameters(tables),
        multiply_accumulates=count_multiply_accumulates(graph, chosen.shapes),
        chosen_dimensions=chosen.chosen,
        input_shapes=chosen.shapes,
        warnings=tuple(_warnings(tables)),
        random_weights="random weights" in tables.description,
    )


def _check(tables: TfliteTables) -> None:
    if not tables.graphs or not tables.graphs[0].operators or not tables.graphs[0].outputs:
        msg = "is a TFLite model without operators or outputs"
        raise BadModel(msg)
    if sum(len(graph.operators) for graph in tables.graphs) > MAX_OPERATORS:
        msg = f"has more than {MAX_OPERATORS} operators"
        raise BadModel(msg)
    for graph in tables.graphs:
        _check_data(graph)


def _check_data(graph: TfliteGraph) -> None:
    """Raises BadModel where a constant tensor has less data than its shape needs."""
    for tensor in graph.tensors:
        if any(size < 0 for size in tensor.shape):
            msg = f"has a negative dimension in tensor {tensor.name!r}: {list(tensor.shape)}"
            raise BadModel(msg)
        if not tensor.data_bytes or tensor.sparse or tensor.dtype == "string":
            continue
        needed = (math.prod(tensor.shape) * _BITS.get(tensor.dtype, 0) + 7) // 8
        if tensor.data_bytes < needed:
            msg = (
                f"has {tensor.data_bytes} bytes of data in tensor {tensor.name!r}, whose shape {list(tensor.shape)} "
                f"of {tensor.dtype} needs {needed}"
            )
            raise BadModel(msg)


def _tensor(tensor: TfliteTensor) -> Tensor:
    shape = tuple(NAMELESS if size < 0 else size for size in tensor.signature)
    return Tensor(name=tensor.name, dtype=tensor.dtype, shape=shape)


def _warnings(tables: TfliteTables) -> Iterator[str]:
    custom = sorted({operator.name for graph in tables.graphs for operator in graph.operators if operator.custom})
    if custom:
        yield f"uses custom operators, which a device must bring along: {', '.join(custom)}"
