"""How alike two outputs are, in whatever layout the converted one comes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from orchestrator.conversion.check.layout import arranged, channels_last, readings
from orchestrator.conversion.check.likeness import compare

NUMBERS = st.floats(-1e6, 1e6, width=32)
TENSORS = arrays.arrays(np.float32, arrays.array_shapes(max_dims=5, max_side=4), elements=NUMBERS)


@given(TENSORS)
def test_a_tensor_is_like_itself_in_either_layout(tensor: np.ndarray) -> None:
    order = channels_last(tensor.ndim)
    for other in (tensor, tensor.transpose(order) if order else tensor, tensor.squeeze()):
        found = compare(tensor, other)
        assert (found["absolute"], found["relative"]) == (0.0, 0.0)
        assert found["cosine"] == pytest.approx(1.0)


@given(TENSORS, st.floats(0.01, 0.5))
def test_a_value_that_is_off_by_a_share_of_the_largest_is_found(tensor: np.ndarray, part: float) -> None:
    largest = float(np.max(np.abs(tensor)))
    other = tensor.astype(np.float64)
    place = np.unravel_index(np.argmax(np.abs(other)), other.shape)
    other[place] *= 1 - part
    found = compare(tensor, other)
    assert found["relative"] <= (part * 1.001 if largest else 0.0)  # another reading may lie nearer
    if tensor.ndim < 3:
        assert found["relative"] == pytest.approx(part if largest else 0.0, rel=1e-6)
        assert found["absolute"] == pytest.approx(part * largest, rel=1e-6)


@pytest.mark.parametrize(
    ("one", "other", "cosine", "relative"),
    [([0, 0], [0, 0], 1.0, 0.0), ([0, 0], [1, 0], 0.0, 1.0), ([1, 0], [0, 1], 0.0, 1.0), ([1, 2], [-1, -2], -1.0, 2.0)],
)
def test_the_cosine_of_what_has_none(one: list[int], other: list[int], cosine: float, relative: float) -> None:
    found = compare(np.array(one), np.array(other, dtype=np.float32))
    assert found["cosine"] == pytest.approx(cosine)
    assert found["relative"] == pytest.approx(relative)


@pytest.mark.parametrize(
    ("one", "other", "is_alike"),
    [
        ([math.nan, 1.0], [math.nan, 1.0], True),
        ([math.inf, 1.0], [math.inf, 1.0], True),
        ([math.inf, 1.0], [-math.inf, 1.0], False),
        ([math.inf, 1.0], [math.nan, 1.0], False),
        ([1.0, 1.0], [math.nan, 1.0], False),
        ([math.nan], [math.nan], True),
    ],
)
def test_what_is_no_number_must_be_so_on_both_sides(one: list[float], other: list[float], is_alike: bool) -> None:
    found = compare(np.array(one), np.array(other))
    assert ("why" not in found) is is_alike


def test_shapes_that_cannot_be_read_as_one_another_are_told() -> None:
    assert compare(np.zeros((1, 3)), np.zeros((1, 4)))["why"] == (
        "it is 1x3 in the original and 1x4 in the converted model"
    )
    assert compare(np.zeros(()), np.zeros((2,)))["why"].startswith("it is a scalar in the original")


@pytest.mark.parametrize(
    ("signature", "last", "shape"),
    [
        ((1, 6, 4, 3), True, (1, 6, 4, 3)),
        ((1, 3, 6, 4), True, (1, 3, 6, 4)),
        ((-1, -1, -1, 3), False, (1, 6, 4, 3)),
        ((-1, -1, -1, -1), True, (1, 6, 4, 3)),
        ((-1, -1, -1, -1), False, (1, 3, 6, 4)),
        ((1, 3, 6), True, None),
        ((1, 5, 6, 4), True, None),
    ],
)
def test_an_input_lies_as_the_converted_model_takes_it(
    signature: tuple[int, ...], last: bool, shape: tuple[int, ...] | None
) -> None:
    found = arranged(np.zeros((1, 3, 6, 4)), signature, last=last)
    assert (found is None) if shape is None else (found is not None and found.shape == shape)


def test_a_cube_is_read_both_ways() -> None:
    assert len(list(readings(np.zeros((1, 4, 4, 4)), (1, 4, 4, 4)))) == 2
