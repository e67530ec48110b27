"""The command and the converter: what is told of it, and that nothing of it outlives a command that is ended."""

import asyncio
import json
import os
import runpy
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.cli.converting import _convert, mend_conversions
from orchestrator.cli.doctor_converter import converter_finding
from orchestrator.domain.conversion import ConvertedModel, Converter
from orchestrator.inputs.model_file import inspect_model

STUB = runpy.run_path(str(Path(__file__).parents[1] / "conversion" / "stub_tool.py"))
PLAN = """\
version: 1
name: converted
models: [{path: recorded.onnx, format: tflite, inputs: {image: [1, 3, 12, 8], ids: [1, 4]}}]
devices: [host-cpu-1t]
params: {num_runs: 5, warmup_runs: 1, min_secs: 0.02, max_secs: 0.2}
repeats: 1
limits: {poll_interval: 100ms}
"""
UseConverter = Callable[..., dict[str, str]]


@pytest.fixture
def converter(folder: Any, tmp_path: Path) -> UseConverter:
    """converter(fault): the environment with a tool that stands for onnx2tf, beside the plan and its model."""
    (folder.path / "recorded.onnx").write_bytes(STUB["SMALL"].read_bytes())
    folder.write(PLAN)
    written = tmp_path / "converter" / "onnx2tf"
    return lambda fault="": {"BENCH_ONNX2TF": str(STUB["write_tool"](written, fault))}


def wait_for(is_so: Callable[[], bool]) -> None:
    """Waits until it is so."""
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def converting(folder: Any) -> list[Path]:
    """The converter's processes that work for the folder, by what they have open."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(process.joinpath("cwd").readlink()).startswith(str(folder.path / ".bench" / "conversions")):
                found.append(process)
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="only /proc tells what a process works on")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_ended_in_the_middle_it_leaves_no_tool_behind(
    folder: Any, converter: UseConverter, number: signal.Signals
) -> None:
    with folder.start("run", "plan.yaml", **converter("hang")) as process:
        wait_for(lambda: bool(converting(folder)))
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == (130 if number is signal.SIGINT else -number)
    wait_for(lambda: not converting(folder))
    assert folder.runs() == []


def test_a_check_converts_and_tells_how_alike_both_are(folder: Any, converter: UseConverter) -> None:
    checked = json.loads(folder.bench("check", "plan.yaml", "--json", **converter()).stdout)
    (conversion,) = checked["conversions"]
    assert conversion["devices"] == ["host-cpu-1t"]
    assert conversion["converter"] == {
        "tool": "onnx2tf",
        "version": "2.6.9",
        "options": ["-v", "error", "-ois", "image:1,3,12,8", "ids:1,4"],
    }
    assert conversion["failure"] == ""


def test_the_doctor_tells_whether_there_is_a_converter_and_how_to_get_one(
    converter: UseConverter, folder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.path)
    monkeypatch.setenv("PATH", os.defpath)
    missing = converter_finding()
    assert (missing.ok, missing.advice) == (False, "bench setup-converter --python python3.12")
    for name, value in converter().items():
        monkeypatch.setenv(name, value)
    found = converter_finding()
    assert found.ok
    assert found.found.startswith("2.6.9 at ")


def test_a_conversion_that_is_gone_is_made_again_for_a_run_that_goes_on(
    converter: UseConverter, folder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.path)
    for name, value in converter().items():
        monkeypatch.setenv(name, value)
    model = inspect_model("recorded", folder.path / "recorded.onnx", inputs={"image": (1, 3, 12, 8), "ids": (1, 4)})
    wanted = ConvertedModel(
        name="recorded",
        devices=("host-cpu-1t",),
        converter=Converter(tool="", version=""),
        source_sha256=model.sha256,
        source_size_bytes=model.size_bytes,
    )
    (one,) = asyncio.run(_convert([(model, wanted)], quiet=True))
    assert one.model is not None
    before = one.model.path.read_bytes()
    shutil.rmtree(folder.path / ".bench" / "conversions")
    entry: Any = SimpleNamespace(converted=(one,), model=lambda name: model)
    asyncio.run(mend_conversions(entry, quiet=True))
    assert one.model.path.read_bytes() == before
