"""What makes an ONNX model unfit to be measured that onnx's own checker lets pass, or hangs at."""

from collections.abc import Iterable

from onnx import FunctionProto, ModelProto, NodeProto, TypeProto

from orchestrator.domain.model import Tensor
from orchestrator.inputs.dimensions import NAMELESS
from orchestrator.inputs.inspection import BadModel
from orchestrator.inputs.onnx_data import type_name
from orchestrator.inputs.onnx_walk import all_nodes

# What ONNX Runtime 1.32 runs; the checker passes opset 99.
OPSETS = range(7, 29)
IR_VERSIONS = range(3, 15)
DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
MAX_NODES = 100_000  # with all functions expanded; a model of 200,000 keeps a runtime busy for minutes
MAX_FUNCTION_DEPTH = 64
FunctionKey = tuple[str, str, str]


def check_rules(model: ModelProto) -> None:
    """Raises BadModel with the first rule that the model breaks."""
    _check_versions(model)
    if not model.graph.node:
        msg = "is no ONNX model: it has no operators"
        raise BadModel(msg)
    if not model.graph.output:
        msg = "has no outputs"
        raise BadModel(msg)
    if expanded_nodes(model) > MAX_NODES:
        msg = f"has more than {MAX_NODES} operators once its functions are expanded"
        raise BadModel(msg)
    _check_domains(model)


def opset_of(model: ModelProto) -> int | None:
    """The version of the standard operators; None for a model that imports none."""
    versions = [entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}]
    return max(versions, default=None)


def graph_inputs(model: ModelProto) -> tuple[Tensor, ...]:
    """What a run must be given: the inputs without a value in the file."""
    with_value = {tensor.name for tensor in model.graph.initializer}
    with_value |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    return tuple(_tensor(entry.name, entry.type) for entry in model.graph.input if entry.name not in with_value)


def graph_outputs(model: ModelProto) -> tuple[Tensor, ...]:
    """What a run gives; sequences and the like by the name of their kind."""
    return tuple(_tensor(entry.name, entry.type) for entry in model.graph.output)


def expanded_nodes(model: ModelProto) -> int:
    """How many nodes the model has when every call of its own functions is replaced by the function's nodes.

    Counted, not expanded. Raises BadModel where a function calls itself, or the calls nest too deeply.
    """
    functions = {_key(function): function for function in model.functions}
    sizes: dict[FunctionKey, int] = {}

    def size_of(nodes: Iterable[NodeProto], callers: tuple[FunctionKey, ...]) -> int:
        total = 0
        for node in all_nodes(nodes):
            called = functions.get((node.domain, node.op_type, node.overload))
            total += 1 if called is None else expanded(called, callers)
        return total

    def expanded(function: FunctionProto, callers: tuple[FunctionKey, ...]) -> int:
        key = _key(function)
        if key in callers or len(callers) > MAX_FUNCTION_DEPTH:
            msg = f"has a function, {function.name!r}, that calls itself or nests too deeply"
            raise BadModel(msg)
        if key not in sizes:
            sizes[key] = size_of(function.node, (*callers, key))
        return sizes[key]

    return size_of(model.graph.node, ())


def _key(function: FunctionProto) -> FunctionKey:
    return function.domain, function.name, function.overload


def _check_versions(model: ModelProto) -> None:
    opset = opset_of(model)
    if not model.ir_version and opset is None:
        msg = "is no ONNX model"
        raise BadModel(msg)
    if model.ir_version not in IR_VERSIONS:
        msg = f"has IR version {model.ir_version}; runtimes take {IR_VERSIONS[0]} to {IR_VERSIONS[-1]}"
        raise BadModel(msg)
    if opset is not None and opset not in OPSETS:
        msg = f"has opset {opset}; runtimes take {OPSETS[0]} to {OPSETS[-1]}: export it again, or convert it"
        raise BadModel(msg)


def _check_domains(model: ModelProto) -> None:
    functions = {_key(function) for function in model.functions}
    bodies = [model.graph.node, *(function.node for function in model.functions)]
    for node in all_nodes(node for body in bodies for node in body):
        if node.domain not in DOMAINS and (node.domain, node.op_type, node.overload) not in functions:
            msg = f"uses the custom operator {node.domain}::{node.op_type}, which no runtime here has"
            raise BadModel(msg)


def _tensor(name: str, kind: TypeProto) -> Tensor:
    which = kind.WhichOneof("value")
    if which != "tensor_type":
        return Tensor(name=name, dtype=(which or "no type").removesuffix("_type").replace("_", " "), shape=None)
    tensor = kind.tensor_type
    shape: tuple[int | str, ...] | None = None
    if tensor.HasField("shape"):
        shape = tuple(
            dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else dim.dim_param or NAMELESS
            for dim in tensor.shape.dim
        )
    return Tensor(name=name, dtype=type_name(tensor.elem_type), shape=shape)
