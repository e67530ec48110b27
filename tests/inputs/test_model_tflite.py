"""TFLite files, made by hand to be right, odd or hostile."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import flatbuffers
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import ModelError
from orchestrator.inputs.inspection import BadModel
from orchestrator.inputs.model_file import inspect_model
from orchestrator.inputs.tflite_inspection import inspect_tflite

OnnxFile = Callable[..., Path]

TINY = Path(__file__).parents[2] / "benchmarks" / "models" / "tiny.tflite"
FLOAT32, INT32, INT64 = 0, 2, 4
CONV_2D, FULLY_CONNECTED, CUSTOM, LSTM = 3, 9, 32, 16


def vector(builder: flatbuffers.Builder, items: Sequence[int], *, offsets: bool = False) -> int:
    builder.StartVector(4, len(items), 4)
    for item in reversed(items):
        (builder.PrependUOffsetTRelative if offsets else builder.PrependInt32)(item)
    return int(builder.EndVector())


def table(builder: flatbuffers.Builder, kind: str, **entries: Any) -> int:
    """A table by its generated functions: table(b, "Buffer", Data=...)."""
    module = import_module(f"tflite.{kind}")
    getattr(module, f"{kind}Start")(builder)
    for name, entry in entries.items():
        getattr(module, f"{kind}Add{name}")(builder, entry)
    return int(getattr(module, f"{kind}End")(builder))


def model(
    *,
    code: int = FULLY_CONNECTED,
    custom: str = "",
    shapes: Sequence[Sequence[int]] = ((1, 4), (3, 4), (1, 3)),
    signature: Sequence[int] = (),
    types: Sequence[int] = (FLOAT32, FLOAT32, FLOAT32),
    weights: int = 48,
    buffers: Sequence[int] = (0, 1, 0),
    inputs: Sequence[int] = (0,),
    operator_inputs: Sequence[int] = (0, 1, -1),
    outputs: Sequence[int] = (2,),
    opcode: int = 0,
    version: int = 3,
    description: str = "",
) -> bytes:
    """x [1, 4] times w [3, 4] is y [1, 3], unless told otherwise."""
    b = flatbuffers.Builder()
    text = b.CreateString(description)
    names = [b.CreateString(name) for name in "xwy"]
    data = [b.CreateByteVector(bytes(size)) if size else 0 for size in (0, weights)]
    made_buffers = [table(b, "Buffer", **({"Data": entry} if entry else {})) for entry in data]
    vectors = [(vector(b, shape), vector(b, signature) if signature and not n else 0) for n, shape in enumerate(shapes)]
    tensors = [
        table(
            b, "Tensor", Shape=shape, Type=kind, Buffer=buffer, Name=name, **({"ShapeSignature": sign} if sign else {})
        )
        for (shape, sign), kind, buffer, name in zip(vectors, types, buffers, names, strict=True)
    ]
    ends = {"Inputs": vector(b, operator_inputs), "Outputs": vector(b, outputs)}
    operators = vector(b, [table(b, "Operator", OpcodeIndex=opcode, **ends)], offsets=True)
    parts = {"Tensors": vector(b, tensors, offsets=True), "Inputs": vector(b, inputs), "Outputs": vector(b, outputs)}
    graphs = vector(b, [table(b, "SubGraph", Operators=operators, **parts)], offsets=True)
    named = {"CustomCode": b.CreateString(custom)} if custom else {}
    codes = vector(
        b, [table(b, "OperatorCode", BuiltinCode=code, DeprecatedBuiltinCode=min(code, 127), **named)], offsets=True
    )
    rest = {"Buffers": vector(b, made_buffers, offsets=True), "Description": text}
    b.Finish(table(b, "Model", Version=version, OperatorCodes=codes, Subgraphs=graphs, **rest), b"TFL3")
    return bytes(b.Output())


def test_a_model_made_by_hand(onnx_file: OnnxFile) -> None:
    found = inspect_model("model", onnx_file(model(description="seeded random weights"), "model.tflite"))
    assert [str(tensor) for tensor in found.inputs] == ["x: float32 [1×4]"]
    assert [str(tensor) for tensor in found.outputs] == ["y: float32 [1×3]"]
    assert found.operators == {"FULLY_CONNECTED": 1}
    assert found.parameters == found.multiply_accumulates == 12
    assert found.random_weights


def test_dynamic_dimensions(onnx_file: OnnxFile) -> None:
    path = onnx_file(model(signature=(-1, 4)), "model.tflite")
    found = inspect_tflite(path, {})
    assert found.inputs[0].shape == ("?", 4)
    assert found.input_shapes == {"x": (1, 4)}
    assert found.multiply_accumulates == 12
    larger = inspect_tflite(path, {"x": (5, 4)})
    assert larger.input_shapes == {"x": (5, 4)}
    assert larger.multiply_accumulates is None
    with pytest.raises(BadModel, match="the plan gives 3 for dimension 1, which must be 4"):
        inspect_tflite(path, {"x": (5, 3)})


@pytest.mark.parametrize(
    ("options", "operators", "parameters", "multiply_accumulates"),
    [
        ({"code": CUSTOM, "custom": "Detection"}, {"Detection": 1}, 12, None),
        ({"code": LSTM}, {"LSTM": 1}, 12, None),
        ({"code": 250}, {"BUILTIN_250": 1}, 12, 0),
        ({"types": (FLOAT32, INT32, FLOAT32)}, {"FULLY_CONNECTED": 1}, 0, 12),
        ({"types": (FLOAT32, INT64, FLOAT32), "weights": 96}, {"FULLY_CONNECTED": 1}, 0, 12),
        (
            {"code": CONV_2D, "shapes": ((1, 8, 8, 3), (16, 3, 3, 3), (1, 6, 6, 16)), "weights": 1728},
            {"CONV_2D": 1},
            432,
            36 * 432,
        ),
    ],
)
def test_operators_and_counts(
    onnx_file: OnnxFile, options: dict[str, Any], operators: dict[str, int], parameters: int, multiply_accumulates: int
) -> None:
    found = inspect_tflite(onnx_file(model(**options), "model.tflite"), {})
    assert found.operators == operators
    assert (found.parameters, found.multiply_accumulates) == (parameters, multiply_accumulates)
    assert bool(found.warnings) is ("custom" in options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"version": 4}, "has TFLite schema version 4; runtimes take 3"),
        ({"weights": 47}, "has 47 bytes of data in tensor 'w', whose shape [3, 4] of float32 needs 48"),
        ({"shapes": ((1, 4), (3, -4), (1, 3))}, "has a negative dimension in tensor 'w': [3, -4]"),
        ({"shapes": ((1, 4), (1 << 30, 1 << 30), (1, 3))}, "has 48 bytes of data in tensor 'w'"),
        ({"shapes": ((1 << 30, 4), (3, 4), (1, 3))}, "takes more than 1024 MiB of input"),
        ({"types": (99, FLOAT32, FLOAT32)}, "has a tensor of an unknown type (99)"),
        ({"types": (13, FLOAT32, FLOAT32)}, "inputs of type resource are not supported"),
        ({"buffers": (0, 7, 0)}, "is a corrupt TFLite model"),
        ({"inputs": (3,)}, "an operator names a tensor that is not there"),
        ({"inputs": (-1,)}, "an operator names a tensor that is not there"),
        ({"outputs": (-1,)}, "an operator names a tensor that is not there"),
        ({"operator_inputs": (0, 1 << 30)}, "an operator names a tensor that is not there"),
        ({"outputs": ()}, "is a TFLite model without operators or outputs"),
        ({"opcode": 5}, "is a corrupt TFLite model"),
        ({"operator_inputs": (0,)}, "is a corrupt TFLite model"),
    ],
)
def test_a_hostile_model_is_refused(onnx_file: OnnxFile, options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadModel) as caught:
        inspect_tflite(onnx_file(model(**options), "model.tflite"), {})
    assert words in str(caught.value)


@pytest.mark.parametrize("size", [8, 20, 100, 1000, 30_000])
def test_a_truncated_model_is_refused(onnx_file: OnnxFile, size: int) -> None:
    with pytest.raises(ModelError, match=r"corrupt TFLite model|schema version"):
        inspect_model("model", onnx_file(TINY.read_bytes()[:size], "model.tflite"))


def said_of(path: Path) -> str:
    try:
        return f"has {inspect_tflite(path, {}).operators}"
    except BadModel as reason:
        return str(reason)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(changes=st.lists(st.tuples(st.integers(8, 10_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_model_gives_a_model_or_a_reason(onnx_file: OnnxFile, changes: list[tuple[int, int]]) -> None:
    data = bytearray(model())
    for place, byte in changes:
        data[8 + place % (len(data) - 8)] = byte
    assert said_of(onnx_file(bytes(data), "model.tflite")).startswith(("is ", "has ", "takes "))
