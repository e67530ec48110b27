"""Layers that were fused, split or moved, and what is said of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.layer_cause import likely_cause
from orchestrator.domain.layer_match import LayerChange, LayerFate, compare_layers
from orchestrator.domain.measurement import Layer


def layers(*found: tuple) -> list[Layer]:
    """(name, operator, microseconds[, unit]) in their order."""
    return [
        Layer(index=index, name=name, type=kind, time_us=time_us, compute_unit=unit[0] if unit else "CPU")
        for index, (name, kind, time_us, *unit) in enumerate(found)
    ]


def changed(now: list[Layer], before: list[Layer]) -> dict[str, LayerChange]:
    return {change.name: change for change in compare_layers(now, before)}


BEFORE = layers(
    ("in", "Pad", 5), ("conv1", "Conv", 60), ("relu1", "Relu", 20), ("fc", "Gemm", 40), ("out", "Softmax", 5)
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("conv1+relu1", "Conv"),  # its name holds theirs
        ("conv1;relu1", "CONV"),
        ("block7", "ConvRelu"),  # its operator holds theirs
        ("conv1", "Conv+Relu"),  # it kept a name
        ("fused conv1", "FusedConv"),  # it says so
    ],
)
def test_a_layer_that_stands_for_several_was_fused_from_them(name: str, kind: str) -> None:
    now = layers(("in", "Pad", 5), (name, kind, 50), ("fc", "Gemm", 40), ("out", "Softmax", 5))
    found = changed(now, BEFORE)[name]
    assert (found.fate, found.parts) == (LayerFate.FUSED, ("conv1", "relu1"))
    assert (found.time_us, found.baseline_us, found.share) == (50, 80, 1.0)
    assert {change.fate for change in compare_layers(now, BEFORE) if change is not found} == {
        LayerFate.FUSED,
        LayerFate.SAME,
    }
    (back,) = [change for change in compare_layers(BEFORE, now) if change.fate is not LayerFate.SAME]
    assert (back.fate, back.parts, back.name) == (LayerFate.SPLIT, ("conv1", "relu1"), name)
    assert (back.time_us, back.baseline_us) == (80, 50)


@pytest.mark.parametrize(
    "now",
    [
        layers(("in", "Pad", 5), ("conv1", "Conv", 60), ("fc", "Gemm", 40), ("out", "Softmax", 5)),  # no word of relu1
        layers(("in", "Pad", 5), ("conv10+relu10", "Conv", 60), ("fc", "Gemm", 40), ("out", "Softmax", 5)),
        layers(
            ("in", "Pad", 5), ("fc", "Gemm", 40), ("out", "Softmax", 5), ("conv1+relu1", "X", 60)
        ),  # not in its place
    ],
)
def test_what_only_looks_like_it_is_not_called_fused(now: list[Layer]) -> None:
    fates = {change.fate for change in compare_layers(now, BEFORE)}
    assert LayerFate.GONE in fates
    assert not fates & {LayerFate.FUSED, LayerFate.SPLIT}


def test_a_delegate_that_no_longer_takes_its_layers_moved_them() -> None:
    before = layers(("in", "Pad", 5), ("part", "TfLiteQnnDelegate", 30, "NPU"), ("out", "Softmax", 5))
    now = layers(("in", "Pad", 5), ("a", "CONV_2D", 100), ("b", "ADD", 50), ("c", "CONV_2D", 90), ("out", "Softmax", 5))
    found = changed(now, before)["part"]
    assert (found.fate, found.parts, found.unit, found.baseline_unit) == (
        LayerFate.SPLIT,
        ("a", "b", "c"),
        "CPU",
        "NPU",
    )
    assert likely_cause(compare_layers(now, before), 5.0) == (
        "likely: part took all of it, split into a, b, c, moved from NPU to CPU"
    )


def test_names_that_only_differ_in_the_runtimes_number_of_the_node_are_the_same() -> None:
    before = layers(("a:0", "X", 10), ("b:1", "X", 20), ("c:2", "X", 30))
    now = layers(("b:0", "X", 60), ("c:1", "X", 30))
    fates = {change.name: change.fate for change in compare_layers(now, before)}
    assert fates == {"b:0": LayerFate.SLOWER, "c:1": LayerFate.SAME, "a:0": LayerFate.GONE}


CASES = [
    (layers(("a", "X", 100, "CPU"), ("b", "X", 50)), layers(("a", "X", 20, "NPU"), ("b", "X", 30)), 1.0,
     "likely: a took 80% of it, moved from NPU to CPU; b took 20% of it, slower"),
    (layers(("a", "X", 20), ("b", "X", 50)), layers(("a", "X", 60), ("b", "X", 50)), -0.36,
     "likely: a saved all of it, faster"),
    (layers(("a", "X", 60, "CPU"), ("b", "X", 50, "CPU")), layers(("a", "X", 20, "GPU"), ("b", "X", 20, "GPU")), 1.7,
     "likely: 2 layers took all of it, moved from GPU to CPU (a most of all)"),
    (layers(("a", "X", 20), ("new", "Y", 30)), layers(("a", "X", 20)), 1.5, "likely: new took all of it, a new layer"),
    (layers(*((f"l{n}", "X", 12) for n in range(20))), layers(*((f"l{n}", "X", 10) for n in range(20))), 0.2,
     "likely: 20 of 20 layers are slower, none more than 5% of it"),
    (layers(("a", "X", 20)), layers(("a", "X", 20)), 0.5, ""),  # the layers do not show it
    (layers(("a", "X", 21)), layers(("a", "X", 20)), 0.5, ""),  # nor a tenth of it
    (layers(("a", "X", 30)), layers(("a", "X", 20)), -0.5, ""),  # nor the other way round
    (layers(("a", "X", 30)), layers(("a", "X", 20)), 0.0, ""),
    (layers(("a", "X", 30)), [], 0.5, ""),
]  # fmt: skip


@pytest.mark.parametrize(("now", "before", "change", "words"), CASES)
def test_what_is_likely_is_said_only_as_far_as_layers_tell(now, before, change: float, words: str) -> None:
    assert likely_cause(compare_layers(now, before), change) == words


some = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "a+b", "a;b;c", "c", "fused a", "", " "]),
        st.sampled_from(["Conv", "Relu", "ConvRelu", "FusedConv", "QnnDelegate", ""]),
        st.integers(1, 50),
        st.sampled_from(["CPU", "NPU", ""]),
    ),
    max_size=9,
)


@given(some, some, st.floats(-0.9, 3))
def test_no_time_is_lost_or_told_twice(now: list, before: list, change: float) -> None:
    here, there = layers(*now), layers(*before)
    found = compare_layers(here, there)
    if here and there:
        assert sum(one.time_us or 0 for one in found) == sum(layer.time_us for layer in here)
        assert sum(one.baseline_us or 0 for one in found) == sum(layer.time_us for layer in there)
        shares = [one.share for one in found if one.share is not None]
        assert sum(shares) == pytest.approx(1.0 if shares else 0.0)
    words = likely_cause(found, change)
    assert words == "" or words.startswith("likely: ")
