"""Which models are converted, and for whom."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.conversion.wanted import wanted_conversions
from orchestrator.domain.cell import Cell
from orchestrator.domain.conversion import ConversionPolicy
from orchestrator.domain.device import Device, Platform
from orchestrator.domain.model import Model, ModelFormat
from orchestrator.errors import ModelError
from orchestrator.inputs.plan_file import load_plan

DEVICES = tuple(
    Device(name=name, platform=Platform.ANDROID, formats=formats)
    for name, formats in {"both": ("onnx", "tflite"), "phone": ("tflite",), "hub": ()}.items()
)
CELLS = tuple(Cell(model="small", device=device.name, variant=variant) for device in DEVICES for variant in ("a", "b"))
Wanted = Callable[..., Any]


@pytest.fixture
def wanted(small: Model) -> Wanted:
    """The devices that get a converted model, as the plan's model says, and how it may be converted."""

    def ask(says: str, model: Model = small, more: str = "") -> Any:
        path = Path(small.path.parent, "plan.yaml")
        path.write_text(f"name: p\nmodels: [{{path: small.onnx, {says}}}]\ndevices: ['*']\n{more}")
        return wanted_conversions(load_plan(path), [model], CELLS, DEVICES)

    return ask


@pytest.mark.parametrize(
    ("says", "devices"),
    [
        ("format: auto", ("phone", "hub")),
        ("params: {}", ("phone", "hub")),
        ("format: tflite", ("both", "phone", "hub")),
        ("format: onnx", None),
    ],
)
def test_a_device_gets_what_it_takes_or_what_the_plan_says(
    wanted: Wanted, small: Model, says: str, devices: tuple[str, ...] | None
) -> None:
    found = wanted(says)
    assert [(model, one.name, one.devices) for model, one in found] == ([(small, "small", devices)] if devices else [])


def test_what_is_tflite_goes_as_it_is(wanted: Wanted, small: Model) -> None:
    tflite = replace(small, format=ModelFormat.TFLITE)
    assert wanted("format: auto", tflite) == wanted("format: tflite", tflite) == ()
    with pytest.raises(ModelError, match="'format: onnx' is said of a model that is tflite"):
        wanted("format: onnx", tflite)


def test_the_model_goes_over_the_plan_and_that_over_what_is_usual(wanted: Wanted) -> None:
    plan = "conversion: {max_relative: 1%, max_absolute: 0.5, timeout: 2m}"
    ((_, one),) = wanted("conversion: {max_relative: 2%, allow_difference: true}", more=plan)
    assert one.policy == ConversionPolicy(
        max_relative=0.02, max_absolute=0.5, min_cosine=0.999, allow_difference=True, timeout_s=120.0
    )
