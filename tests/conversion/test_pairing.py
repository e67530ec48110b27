"""Which tensor of the converted model is which of the original's."""

from typing import Any

import pytest

from orchestrator.conversion.check.converted_child import _paired
from orchestrator.localcloud.measure.failure import Failure


def details(*names: str) -> list[dict[str, Any]]:
    """Tensors of those names."""
    return [{"name": name, "index": index} for index, name in enumerate(names)]


@pytest.mark.parametrize(
    ("original", "converted", "places"),
    [
        (["a", "b"], ["a", "b"], [0, 1]),
        (["a", "b"], ["b", "a"], [1, 0]),
        (["gpu_0/x:0", "/in/y"], ["wa/in/y", "gpu_0/x__0"], [1, 0]),
        (["x", "y"], ["serving_default_y:0", "serving_default_x:0"], [1, 0]),
        (["x", "y"], ["StatefulPartitionedCall:1", "StatefulPartitionedCall:0"], [0, 1]),
        (["x", "y", "z"], ["first", "x", "second"], [1, 0, 2]),
    ],
)
def test_a_tensor_is_found_by_its_name_else_by_its_place(
    original: list[str], converted: list[str], places: list[int]
) -> None:
    found = _paired(original, details(*converted), "outputs")
    assert [found[name]["index"] for name in original] == places


def test_another_number_of_them_is_another_model() -> None:
    with pytest.raises(Failure, match="the original has 2 outputs, the converted model 1"):
        _paired(["a", "b"], details("a"), "outputs")
