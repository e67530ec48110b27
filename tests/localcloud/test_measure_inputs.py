"""Inputs: the right type and shape, the same for the same seed, quick to compute with, inside the tables they index."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from orchestrator.localcloud.measure.failure import Failure
from orchestrator.localcloud.measure.inputs import BFLOAT16, InputSpec, make_inputs, resolve_shapes
from orchestrator.localcloud.measure.onnx_tables import onnx_index_bounds
from orchestrator.localcloud.measure.tables import Step, index_bounds

IDS = InputSpec(name="ids", dtype="int64", shape=("batch", "sequence"))
MASK = InputSpec(name="attention_mask", dtype="int64", shape=("batch", "sequence"))


def made(spec: InputSpec, seed: int = 0) -> np.ndarray:
    """The array of one input."""
    return make_inputs([spec], resolve_shapes([spec], {}).of, seed=seed)[spec.name]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_are_normal_numbers_of_their_type(dtype: str) -> None:
    values = made(InputSpec(name="x", dtype=dtype, shape=(300, 1000)))
    assert values.dtype == dtype
    assert np.abs(values).min() >= np.finfo(dtype).tiny  # 300 000 halves hold denormals if nobody looks
    assert abs(float(values.astype("float64").mean())) < 0.02
    assert float(values.astype("float64").std()) == pytest.approx(1.0, abs=0.02)


def test_bfloat16_is_the_upper_half_of_a_float() -> None:
    halves = made(InputSpec(name="x", dtype=BFLOAT16, shape=(1000,)))
    whole = made(InputSpec(name="x", dtype="float32", shape=(1000,)))
    back = (halves.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_allclose(back, whole, rtol=2**-7)


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        (InputSpec(name="x", dtype="uint8", shape=(5000,)), set(range(256))),
        (InputSpec(name="x", dtype="int8", shape=(5000,)), set(range(-128, 128))),
        (InputSpec(name="x", dtype="int32", shape=(99,)), {0, 1}),
        (InputSpec(name="x", dtype="uint64", shape=(99,)), {0, 1}),
        (InputSpec(name="x", dtype="bool", shape=(99,)), {False, True}),
        (InputSpec(name="attention_mask", dtype="int64", shape=(99,)), {1}),
        (InputSpec(name="ids", dtype="int64", shape=(999,), below=7), set(range(7))),
        (InputSpec(name="ids", dtype="int64", shape=(9,), below=1), {0}),
        (InputSpec(name="x", dtype="string", shape=(2,)), {"text 0", "text 1"}),
    ],
    ids=lambda value: getattr(value, "dtype", ""),
)
def test_other_types_have_the_values_that_fit_what_they_are_for(spec: InputSpec, values: set[object]) -> None:
    array = made(spec)
    assert set(array.tolist()) == values
    assert array.dtype == np.dtype(object if spec.dtype == "string" else spec.dtype)


def test_the_seed_decides() -> None:
    spec = InputSpec(name="x", dtype="float32", shape=(8,))
    assert made(spec, 3).tolist() == made(spec, 3).tolist() != made(spec, 4).tolist()


@pytest.mark.parametrize("shape", [(), (0, 4), (2, 3, 1)])
@pytest.mark.parametrize("dtype", ["float32", "int64", "string", "bool", BFLOAT16])
def test_any_shape_can_be_made(dtype: str, shape: tuple[int, ...]) -> None:
    assert made(InputSpec(name="x", dtype=dtype, shape=shape)).shape == shape


@pytest.mark.parametrize("dtype", ["int4", "seq(tensor(float))", "map(int64,tensor(float))", "complex64"])
def test_a_type_that_cannot_be_made_is_named(dtype: str) -> None:
    with pytest.raises(Failure) as caught:
        made(InputSpec(name="x", dtype=dtype, shape=(1,)))
    assert caught.value.kind == "model_unsupported"
    assert f"'x' has type {dtype}" in str(caught.value)


def test_the_budget_is_for_all_inputs_together_and_nothing_is_allocated_beyond_it() -> None:
    specs = [InputSpec(name=name, dtype="float32", shape=(100,)) for name in "ab"]
    shapes = resolve_shapes(specs, {}).of
    assert set(make_inputs(specs, shapes, seed=0, max_bytes=800)) == {"a", "b"}
    with pytest.raises(Failure, match="more than 0 MB"):
        make_inputs(specs, shapes, seed=0, max_bytes=799)
    huge = InputSpec(name="x", dtype="float32", shape=(10**9, 10**9))
    with pytest.raises(Failure, match="the inputs need more than"):
        made(huge)


def test_dynamic_dimensions_are_as_given_else_as_their_namesakes_else_one() -> None:
    past = InputSpec(name="past", dtype="float32", shape=("?", 4, "past_length"))
    shapes = resolve_shapes([IDS, MASK, past], {"ids": (2, 16)})
    assert shapes.of == {"ids": (2, 16), "attention_mask": (2, 16), "past": (1, 4, 1)}
    assert shapes.chosen == {"batch": 2, "sequence": 16, "past[0]": 1, "past_length": 1}


@pytest.mark.parametrize(
    ("given_shapes", "told"),
    [
        ({"x": (1, 3, 8)}, "'x' is 1x3xhxw, and 1x3x8 was asked for"),
        ({"x": (1, 4, 8, 8)}, "1x4x8x8 was asked for"),
        ({"y": (1,)}, "no input 'y'; it has x"),
    ],
)
def test_a_shape_that_contradicts_the_model_is_refused(given_shapes: dict[str, tuple[int, ...]], told: str) -> None:
    with pytest.raises(Failure, match=told):
        resolve_shapes([InputSpec(name="x", dtype="float32", shape=(1, 3, "h", "w"))], given_shapes)


def embedding_model(path: Path, *, axis: int = 0) -> Path:
    """ids go through a cast and a reshape to two tables, of 7 and (axis 1) of 5 columns; mask to none."""
    ids = helper.make_tensor_value_info("ids", TensorProto.INT32, ["n"])
    mask = helper.make_tensor_value_info("mask", TensorProto.INT32, ["n"])
    nodes = [
        helper.make_node("Cast", ["ids"], ["wide"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["wide", "flat"], ["flat_ids"]),
        helper.make_node("Gather", ["table", "flat_ids"], ["a"], axis=axis),
        helper.make_node("Gather", ["ids", "mask"], ["b"]),
    ]
    tables = [
        helper.make_tensor("table", TensorProto.FLOAT, [7, 5], [0.0] * 35),
        helper.make_tensor("flat", TensorProto.INT64, [1], [-1]),
    ]
    out = helper.make_tensor_value_info("a", TensorProto.FLOAT, None)
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [ids, mask], [out], tables)), path)
    return path


@pytest.mark.parametrize(("axis", "rows"), [(0, 7), (1, 5), (-1, 5), (-2, 7)])
def test_the_table_is_found_through_casts_and_reshapes(tmp_path: Path, axis: int, rows: int) -> None:
    assert onnx_index_bounds(embedding_model(tmp_path / "m.onnx", axis=axis), ["ids", "mask"]) == {"ids": rows}


def test_an_axis_outside_the_table_bounds_nothing(tmp_path: Path) -> None:
    assert onnx_index_bounds(embedding_model(tmp_path / "m.onnx", axis=9), ["ids"]) == {}


@given(
    st.lists(
        st.builds(
            Step,
            reads=st.sampled_from("abcde"),
            gives=st.lists(st.sampled_from("abcde"), max_size=3),
            rows=st.none() | st.integers(0, 9),
        ),
        max_size=20,
    )
)
def test_any_graph_is_walked_to_an_end_and_the_smallest_table_counts(steps: list[Step]) -> None:
    found = index_bounds(["a"], steps)
    direct = [step.rows for step in steps if step.reads == "a" and step.rows]
    assert set(found) <= {"a"}
    if direct:
        assert 0 < found["a"] <= min(direct)
