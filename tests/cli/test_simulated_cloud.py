"""The benchmarks' simulated device cloud, and the gate put to its nights through the real command, in small."""

import importlib
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark, as a module beside those it imports."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("gate_end_to_end")


@pytest.fixture
def farm(gate: Any) -> Iterator[Any]:
    """Two quiet devices in a process of their own."""
    with gate.running_farm(gate.terms_for(2, "quiet NPU", seed=1)) as running:
        yield running


@pytest.mark.slow
def test_the_gate_passes_what_is_unchanged_and_finds_ten_percent(gate: Any, farm: Any, tmp_path: Path) -> None:
    devices = [f"simulated-{number:04d}" for number in (1, 2)]
    found = gate.measure(farm, devices, tmp_path, nights=8, unchanged_nights=1, changes=(0.0, 0.1))
    assert found == {0.0: Counter({"pass": 2}), 0.1: Counter({"fail": 2})}

    books = farm.books()
    jobs = 2 * 3 * (8 + 1 + 2)  # a slow-down is confirmed by a second session
    assert books["jobs"] == {"submitted": jobs, "over": jobs, "not_fetched": 0, "downloads_with_two_jobs": 0}
    assert {device["jobs"] for device in books["devices"].values()} == {jobs / 2}
    (report,) = (tmp_path / "before" / "reports" / "night-1").glob("*/results.json")
    text = report.read_text()
    assert text.count("simulated: no device measured this") >= 6


PLAN = """\
version: 1
name: calibrated
models: [m.onnx]
devices: ["*"]
repeats: 1
limits: {poll_interval: 100ms}
"""


def test_a_calibration_that_was_interrupted_gets_the_rest_of_its_sessions(gate: Any, folder: Any) -> None:
    farm = importlib.import_module("farm.process")
    models = importlib.import_module("farm.models")
    models.write_model(folder.path / "m.onnx", models.Traits(role="m"))
    folder.write(PLAN)
    with gate.running_farm(farm.Terms(devices=1, run_s=(3.0, 6.0), ios_every=0, time_scale=0.05)) as cloud:
        folder = replace(folder, environment=cloud.environment)
        options = ("--cloud", cloud.base_url, "--sessions", "5", "--verbose")
        with folder.start("calibrate", "plan.yaml", *options) as process:
            assert any("submitted" in line for line in process.stderr)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        assert process.returncode == 130
        done = folder.bench("resume", "--quiet")
        assert done.returncode == 0, done.stderr
        assert cloud.books()["jobs"]["submitted"] == 2 * 5  # the model, and itself beside it
    assert "max_regression that the cell can hold" in done.stdout
