"""The reader that leaves weights out: what it keeps is right, and no bytes can break it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper

from orchestrator.inputs.inspection import BadModel
from orchestrator.inputs.onnx_data import check_payload, needed_bytes, payload_of
from orchestrator.inputs.onnx_skeleton import read_skeleton

OnnxFile = Callable[..., Path]
Make = Callable[..., ModelProto]

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"
ALL_MODELS = sorted((LIGHT.parent).rglob("model.onnx"))
EVERY_TEST = settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.mark.parametrize("path", [*LIGHT.glob("*.onnx"), *ALL_MODELS[::10]], ids=lambda path: f"{path.parent.name}")
def test_a_model_with_small_tensors_is_kept_whole(path: Path) -> None:
    assert read_skeleton(path, dropped="dropped") == onnx.load(path)


def test_large_tensors_lose_their_data_and_nothing_else(onnx_file: OnnxFile, make_onnx: Make) -> None:
    large = numpy_helper.from_array(np.ones((100, 100), np.float32), "large")
    named = numpy_helper.from_array(np.ones((3, 3), np.float32), "small")
    whole = numpy_helper.from_array(np.arange(5_000), "integers")
    typed = helper.make_tensor("typed", TensorProto.FLOAT, [2000], [0.5] * 2000)
    constant = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.ones(5000, np.float64)))
    relu = helper.make_node("Relu", ["x"], ["y"])
    model = make_onnx([constant, relu], initializers=[large, named, whole, typed])
    skeleton = read_skeleton(onnx_file(model), dropped="elsewhere")
    assert skeleton.ByteSize() < 42_000
    for tensor, original in (
        (skeleton.graph.initializer[0], large),
        (skeleton.graph.initializer[3], typed),
        (skeleton.graph.node[0].attribute[0].t, constant.attribute[0].t),
    ):
        assert (tensor.name, tensor.dims, tensor.data_type) == (original.name, original.dims, original.data_type)
        assert [(entry.key, entry.value) for entry in tensor.external_data] == [("location", "elsewhere")]
        assert not tensor.raw_data
        assert not tensor.float_data
    assert list(skeleton.graph.initializer[1:3]) == [named, whole]
    del skeleton.graph.initializer[:], model.graph.initializer[:]
    skeleton.graph.node[0].attribute[0].t.CopyFrom(model.graph.node[0].attribute[0].t)
    assert skeleton == model


def test_training_is_left_out(onnx_file: OnnxFile, make_onnx: Make) -> None:
    model = make_onnx()
    trained = make_onnx()
    trained.training_info.add().algorithm.CopyFrom(model.graph)
    assert read_skeleton(onnx_file(trained), dropped="dropped") == model


def said_of(path: Path) -> str:
    try:
        return f"is {type(read_skeleton(path, dropped='dropped'))}"
    except BadModel as reason:
        return str(reason)


@EVERY_TEST
@given(data=st.binary(max_size=300))
def test_any_bytes_give_a_model_or_a_reason(onnx_file: OnnxFile, data: bytes) -> None:
    assert said_of(onnx_file(data or b"\0")).startswith(("is ", "has ", "nests "))


@EVERY_TEST
@given(place=st.integers(0, 20_499), bit=st.integers(0, 7), end=st.integers(0, 20_500))
def test_a_damaged_model_gives_a_model_or_a_reason(
    onnx_file: OnnxFile, make_onnx: Make, place: int, bit: int, end: int
) -> None:
    large = numpy_helper.from_array(np.ones(5000, np.float32), "large")
    data = bytearray(make_onnx(initializers=[large]).SerializeToString()[: end + 1])
    data[place % len(data)] ^= 1 << bit
    assert said_of(onnx_file(bytes(data))).startswith(("is ", "has ", "nests "))


@pytest.mark.parametrize("dtype", sorted(set(TensorProto.DataType.values()) - {0, TensorProto.STRING}))
@pytest.mark.parametrize("count", [0, 1, 7, 8])
@pytest.mark.parametrize("raw", [True, False])
def test_the_data_onnx_makes_is_enough_and_a_byte_less_is_not(dtype: int, count: int, raw: bool) -> None:
    tensor = helper.make_tensor("t", dtype, [count], [0] * count)
    if raw:
        data = numpy_helper.to_array(tensor)
        tensor = numpy_helper.from_array(data, "t") if data.dtype.itemsize >= 1 and needed_bytes(tensor) else tensor
        tensor.data_type = dtype
        tensor.raw_data = bytes(needed_bytes(tensor))
    check_payload(tensor, payload_of(tensor))
    if count:
        payload = payload_of(tensor)
        field = max(payload, key=lambda name: payload[name])
        lost = 1 if raw or field in {"int32_data", "int64_data", "uint64_data"} else 4
        with pytest.raises(BadModel, match="needs"):
            check_payload(tensor, {**payload, field: payload[field] - lost})
