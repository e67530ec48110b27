"""When a phone is fit, whatever it tells of itself."""

import math
from pathlib import Path

import pytest

from orchestrator.localcloud.android import care
from orchestrator.localcloud.android.adb import Adb
from orchestrator.localcloud.android.care import Care, wait_until_fit
from orchestrator.localcloud.android.reading import Reading


@pytest.mark.parametrize("told", [[0], [None], [3, 0], [3, None, 0], [1, None, 2, None, 0]])
def test_a_phone_that_was_hot_is_not_fit_because_it_does_not_tell(
    monkeypatch: pytest.MonkeyPatch, told: list[int | None]
) -> None:
    readings = iter([Reading(thermal_status=status) for status in told])
    monkeypatch.setattr(care, "read_phone", lambda *_: next(readings))
    found = wait_until_fit(Adb(binary=Path("adb")), "serial", Care(look_every_s=0.0), math.inf, None)
    assert found.thermal_status == told[-1]
    assert list(readings) == []
