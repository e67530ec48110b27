"""What a TFLite file says of its first subgraph: the tables its inputs index, and what its operators are called."""

import mmap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

from orchestrator.localcloud.measure.tables import Step, index_bounds

_OPERATORS = schema.BuiltinOperator
_HAND_ON = {_OPERATORS.CAST, _OPERATORS.RESHAPE, _OPERATORS.EXPAND_DIMS, _OPERATORS.SQUEEZE, _OPERATORS.PACK}


def litert_index_bounds(path: Path, inputs: Iterable[str]) -> Mapping[str, int]:
    """For each of the inputs that indexes a table, the table's rows."""
    with _opened(path) as model:
        return index_bounds(inputs, list(_steps(model)))


def litert_operators(path: Path) -> list[tuple[str, str]]:
    """Each operator's type and its outputs, `[a, b]`, as LiteRT's tools call it; in the file's order."""
    kinds = {number: name for name, number in vars(_OPERATORS).items() if isinstance(number, int)}
    with _opened(path) as model:
        graph = model.Subgraphs(0)
        operators = [graph.Operators(index) for index in range(graph.OperatorsLength())]
        return [
            (kinds.get(_kind(model, operator), ""), f"[{', '.join(_outputs(graph, operator))}]")
            for operator in operators
        ]


@contextmanager
def _opened(path: Path) -> Iterator[schema.Model]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield schema.Model.GetRootAs(content)


def _steps(model: schema.Model) -> Iterator[Step]:
    graph = model.Subgraphs(0)
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        kind = _kind(model, operator)
        if kind == _OPERATORS.GATHER:
            yield _lookup(graph, table=operator.Inputs(0), indices=operator.Inputs(1), axis=_axis(operator))
        elif kind == _OPERATORS.EMBEDDING_LOOKUP:
            yield _lookup(graph, table=operator.Inputs(1), indices=operator.Inputs(0), axis=0)
        elif kind in _HAND_ON:
            yield Step(reads=_name(graph, operator.Inputs(0)), gives=_outputs(graph, operator))


def _kind(model: schema.Model, operator: schema.Operator) -> int:
    return int(model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode())


def _outputs(graph: schema.SubGraph, operator: schema.Operator) -> list[str]:
    return [_name(graph, operator.Outputs(place)) for place in range(operator.OutputsLength())]


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
