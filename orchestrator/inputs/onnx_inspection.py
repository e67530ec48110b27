"""Looks into an ONNX model: its own rules, onnx's full check, shapes, counts. Runs in the child."""

import secrets
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import onnx.checker
import onnx.inliner
import onnx.shape_inference
from google.protobuf.message import Error as ProtobufError
from onnx import ModelProto, NodeProto, TensorShapeProto, ValueInfoProto

from orchestrator.inputs.dimensions import ChosenShapes, check_budget, choose_shapes
from orchestrator.inputs.inspection import BadModel, Inspection, NeedsFiles
from orchestrator.inputs.onnx_count import count_multiply_accumulates, count_parameters
from orchestrator.inputs.onnx_external import bring_in, check_data
from orchestrator.inputs.onnx_rules import check_rules, graph_inputs, graph_outputs, opset_of
from orchestrator.inputs.onnx_skeleton import read_skeleton
from orchestrator.inputs.onnx_walk import all_nodes

_COMPLAINT_CHARACTERS = 300
_CHECKER_ERRORS = (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ProtobufError, ValueError)


def inspect_onnx(path: Path, planned: Mapping[str, Sequence[int]], files: Mapping[str, Path]) -> Inspection:
    """Raises BadModel; NeedsFiles where `files` lacks external data. Writes an empty file in the working folder."""
    dropped = f"dropped-{secrets.token_hex(8)}"  # not to be guessed, so that no model refers to it
    model = read_skeleton(path, dropped=dropped)
    check_rules(model)
    locations = check_data(model, dropped=dropped)
    if locations.keys() - files.keys():
        raise NeedsFiles(locations)
    bring_in(model, files, dropped=dropped)
    Path(dropped).touch()  # the checker looks whether external data exists
    inputs = graph_inputs(model)
    chosen = choose_shapes(inputs, planned)
    check_budget(inputs, chosen.shapes)
    _check(model, chosen)
    resolved, complaint = _resolve(model, chosen)
    return Inspection(
        inputs=inputs,
        outputs=graph_outputs(model),
        operators=_operators(model),
        opset=opset_of(model),
        ir_version=model.ir_version,
        parameters=count_parameters(model),
        multiply_accumulates=count_multiply_accumulates(resolved) if resolved else None,
        chosen_dimensions=chosen.chosen,
        input_shapes=chosen.shapes,
        external_data=locations,
        warnings=tuple(_warnings(model, complaint)),
        random_weights=any(
            entry.key == "weights" and entry.value.startswith("random") for entry in model.metadata_props
        ),
    )


def _check(model: ModelProto, chosen: ChosenShapes) -> None:
    """The full check of onnx. It refuses valid models for inputs or outputs without a shape, so here none is."""
    checked = _copy(model)
    del checked.graph.output[:]
    checked.graph.output.extend(filter(_has_shape, model.graph.output))
    _set_shapes(checked, {entry.name for entry in checked.graph.input if not _has_shape(entry)}, chosen)
    try:
        onnx.checker.check_model(checked, full_check=True)
    except _CHECKER_ERRORS as error:
        msg = f"is not a valid ONNX model: {_complaint(error)}"
        raise BadModel(msg) from error


def _resolve(model: ModelProto, chosen: ChosenShapes) -> tuple[ModelProto | None, str]:
    """The model with functions inlined and the shapes that follow from the chosen ones; or what speaks against."""
    resolved = _copy(model)
    _set_shapes(resolved, chosen.shapes.keys(), chosen)
    try:
        onnx.shape_inference.infer_shapes(resolved, check_type=True, strict_mode=True)
        resolved = onnx.inliner.inline_local_functions(resolved) if resolved.functions else resolved
        return onnx.shape_inference.infer_shapes(resolved, data_prop=True), ""
    except _CHECKER_ERRORS as error:
        return None, _complaint(error)


def _copy(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def _has_shape(entry: ValueInfoProto) -> bool:
    return bool(entry.type.tensor_type.HasField("shape"))


def _set_shapes(model: ModelProto, names: Collection[str], chosen: ChosenShapes) -> None:
    """Gives these inputs their chosen shapes."""
    for entry in model.graph.input:
        if entry.name in names:
            shape = entry.type.tensor_type.shape
            del shape.dim[:]
            shape.dim.extend(TensorShapeProto.Dimension(dim_value=size) for size in chosen.shapes[entry.name])


def _complaint(error: Exception) -> str:
    """What a checker says, on one short line."""
    return " ".join(str(error).split())[:_COMPLAINT_CHARACTERS]


def _operators(model: ModelProto) -> dict[str, int]:
    """How often each operator occurs, subgraphs and the functions' own nodes included; most frequent first."""
    nodes = all_nodes(node for body in (model.graph, *model.functions) for node in body.node)
    return dict(Counter(map(_operator, nodes)).most_common())


def _operator(node: NodeProto) -> str:
    return node.op_type if node.domain in {"", "ai.onnx"} else f"{node.domain}::{node.op_type}"


def _warnings(model: ModelProto, complaint: str) -> Iterator[str]:
    if complaint:
        yield f"with the chosen dimensions the shapes do not fit: {complaint}"
    for tensor in graph_outputs(model):
        if tensor.shape is None:
            yield f"output {tensor.name!r} has no shape in the file"
