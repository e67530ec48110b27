"""The lookup tables of a TFLite model, for the values of its integer inputs."""

import mmap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

from orchestrator.localcloud.measure.tables import Step, index_bounds

_OPERATORS = schema.BuiltinOperator
_HAND_ON = {_OPERATORS.CAST, _OPERATORS.RESHAPE, _OPERATORS.EXPAND_DIMS, _OPERATORS.SQUEEZE, _OPERATORS.PACK}


def litert_index_bounds(path: Path, inputs: Iterable[str]) -> Mapping[str, int]:
    """For each of the inputs that indexes a table, the table's rows. The first subgraph is looked at."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return index_bounds(inputs, list(_steps(schema.Model.GetRootAs(content))))


def _steps(model: schema.Model) -> Iterator[Step]:
    graph = model.Subgraphs(0)
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        kind = model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()
        if kind == _OPERATORS.GATHER:
            yield _lookup(graph, table=operator.Inputs(0), indices=operator.Inputs(1), axis=_axis(operator))
        elif kind == _OPERATORS.EMBEDDING_LOOKUP:
            yield _lookup(graph, table=operator.Inputs(1), indices=operator.Inputs(0), axis=0)
        elif kind in _HAND_ON:
            outputs = [_name(graph, operator.Outputs(place)) for place in range(operator.OutputsLength())]
            yield Step(reads=_name(graph, operator.Inputs(0)), gives=outputs)


def _lookup(graph: schema.SubGraph, *, table: int, indices: int, axis: int) -> Step:
    shape = graph.Tensors(table).ShapeAsNumpy()
    rows = int(shape[axis]) if -len(shape) <= axis < len(shape) else None
    return Step(reads=_name(graph, indices), rows=rows)


def _axis(gather: schema.Operator) -> int:
    table = gather.BuiltinOptions()
    if table is None:
        return 0
    options = schema.GatherOptions()
    options.Init(table.Bytes, table.Pos)
    return int(options.Axis())


def _name(graph: schema.SubGraph, tensor: int) -> str:
    return (graph.Tensors(tensor).Name() or b"").decode("utf-8", "replace")
