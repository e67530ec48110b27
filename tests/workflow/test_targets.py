"""From a plan and the offered devices to cells; what matches nothing is named, with the nearest names."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.cell import CellPattern, Variant
from orchestrator.domain.device import Device, DeviceSelector, Platform
from orchestrator.domain.plan import ModelEntry, Plan
from orchestrator.errors import PlanError
from orchestrator.workflow.targets import resolve_targets

OFFERED = (
    Device(name="Pixel 8", platform=Platform.ANDROID, os="Android 14"),
    Device(name="Pixel 9", platform=Platform.ANDROID, os="Android 15"),
    Device(name="iPhone 15", platform=Platform.IOS, os="17.2"),
)


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., Plan]:
    base = Plan(
        path=tmp_path / "plan.yaml",
        text="",
        sha256="",
        name="p",
        project="p",
        models=(ModelEntry(name="a", path=tmp_path / "a"), ModelEntry(name="b", path=tmp_path / "b")),
        devices=(DeviceSelector(name="Pixel*"),),
    )
    return lambda **change: replace(base, **change)


def test_all_combinations_in_the_plans_order(plan: Callable[..., Plan]) -> None:
    targets = resolve_targets(plan(variants=(Variant(name="x"), Variant(name="y"))), OFFERED)
    assert len(targets.cells) == 8
    assert str(targets.cells[0]) == "a on Pixel 8 (x)"
    assert [device.name for device in targets.devices] == ["Pixel 8", "Pixel 9"]


def test_included_cells_bring_their_device_and_excluded_ones_take_theirs_away(plan: Callable[..., Plan]) -> None:
    targets = resolve_targets(
        plan(include=(CellPattern(model="a", device="iPhone*"),), exclude=(CellPattern(device="Pixel 9"),)), OFFERED
    )
    assert [str(cell) for cell in targets.cells] == ["a on Pixel 8", "b on Pixel 8", "a on iPhone 15"]
    assert [device.name for device in targets.devices] == ["Pixel 8", "iPhone 15"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"devices": (DeviceSelector(name="Pixl 8"),)}, r"no device .* matches 'Pixl 8' \(nearest: Pixel 8, Pixel 9\)"),
        (
            {"devices": (DeviceSelector(platform=Platform.IOS, os=">=18"),)},
            r"matches 'platform IOS, os >=18' \(.*Pixel 8",
        ),
        ({"exclude": (CellPattern(),)}, "'exclude' takes out every cell"),
        ({"exclude": (CellPattern(model="nope"),)}, r"'exclude' matches no cell: nope / \* / \*"),
        ({"include": (CellPattern(variant="gpu"),)}, r"'include' matches no cell: \* / \* / gpu"),
        ({"repeats": 60_000}, "more than 100,000 jobs"),
    ],
)
def test_what_cannot_be_measured_is_said(plan: Callable[..., Plan], change: dict[str, object], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        resolve_targets(plan(**change), OFFERED)


def test_all_of_it_is_said_at_once(plan: Callable[..., Plan]) -> None:
    wrong = plan(devices=(DeviceSelector(name="x"), DeviceSelector(name="y")), include=(CellPattern(model="z"),))
    with pytest.raises(PlanError) as raised:
        resolve_targets(wrong, OFFERED)
    assert len(raised.value.problems) == 3


def test_a_cloud_without_devices_is_said(plan: Callable[..., Plan]) -> None:
    with pytest.raises(PlanError, match="the cloud offers no devices"):
        resolve_targets(plan(), ())
