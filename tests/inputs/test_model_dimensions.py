"""The values that dynamic dimensions get."""

import pytest

from orchestrator.domain.model import Tensor
from orchestrator.inputs.dimensions import check_budget, choose_shapes
from orchestrator.inputs.inspection import BadModel


def tensor(name: str, *shape: int | str, dtype: str = "float32") -> Tensor:
    return Tensor(name=name, dtype=dtype, shape=shape)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch", 1),
        ("batch_size", 1),
        ("sequence", 128),
        ("Sequence_Length", 128),
        ("seq_len", 128),
        ("height", 224),
        ("width", 224),
        ("channels", 3),
        ("past_sequence_length", 0),
        ("past_sequence_length + sequence_length", 128),
        ("past_sequence_length + 1", 1),
        ("sequence+sequence+2", 258),
        ("floor(height/2)", 1),
        ("a + ", 1),
        ("unheard_of", 1),
        ("?", 1),
    ],
)
def test_a_name_has_its_default(name: str, value: int) -> None:
    chosen = choose_shapes([tensor("x", name)], {})
    assert chosen.shapes == {"x": (value,)}
    assert [(one.name, one.value, one.source) for one in chosen.chosen] == [(name, value, "default")]


def test_a_name_has_one_value_everywhere() -> None:
    inputs = [tensor("ids", "batch", "seq"), tensor("mask", "batch", "past + seq"), tensor("x", "?", 4)]
    chosen = choose_shapes(inputs, {"ids": (2, 7)})
    assert chosen.shapes == {"ids": (2, 7), "mask": (2, 7), "x": (1, 4)}
    assert [one.source for one in chosen.chosen] == ["plan", "plan", "plan", "plan", "default"]


def test_the_nameless_have_nothing_in_common() -> None:
    inputs = [tensor("a", "?", "?"), tensor("b", "?")]
    assert choose_shapes(inputs, {"a": (2, 3)}).shapes == {"a": (2, 3), "b": (1,)}


@pytest.mark.parametrize(
    ("planned", "words"),
    [
        ({"a": (1,)}, r"which has 2 dimensions; the plan gives 1"),
        ({"a": (1, 4)}, r"the plan gives 4 for dimension 1, which must be 3"),
        ({"a": (1, 3), "b": (2,)}, r"takes b: float32 \[n\]; the plan gives 2 for dimension 0, which must be 1"),
        ({"c": (1,)}, r"has no input 'c': did you mean '"),
    ],
)
def test_a_plan_that_contradicts_the_file(planned: dict[str, tuple[int, ...]], words: str) -> None:
    with pytest.raises(BadModel, match=words):
        choose_shapes([tensor("a", "n", 3), tensor("b", "n")], planned)


def test_a_plan_for_a_model_without_inputs() -> None:
    with pytest.raises(BadModel, match="has no input 'c', nor any other"):
        choose_shapes([], {"c": (1,)})


@pytest.mark.parametrize(
    ("shape", "dtype", "fits"),
    [
        ((1 << 28,), "float32", True),
        (((1 << 28) + 1,), "float32", False),
        ((1 << 30,), "uint8", True),
        ((1 << 28,), "int64", False),
        ((1 << 40, 0), "float32", True),
    ],
)
def test_inputs_have_a_budget(shape: tuple[int, ...], dtype: str, fits: bool) -> None:
    inputs = [tensor("x", *shape, dtype=dtype)]
    if fits:
        check_budget(inputs, {"x": shape})
    else:
        with pytest.raises(BadModel, match="takes more than 1024 MiB of input"):
            check_budget(inputs, {"x": shape})


def test_the_budget_is_that_of_all_inputs() -> None:
    shape = (200, 1 << 20)
    with pytest.raises(BadModel, match="1024 MiB"):
        check_budget([tensor("a", *shape), tensor("b", *shape)], {"a": shape, "b": shape})


@pytest.mark.parametrize("dtype", ["int4", "complex64", "sequence", "float8e4m3fn", "resource"])
def test_inputs_that_cannot_be_made(dtype: str) -> None:
    with pytest.raises(BadModel, match=f"inputs of type {dtype} are not supported"):
        choose_shapes([tensor("x", 1, dtype=dtype)], {})
