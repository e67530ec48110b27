"""Every way in which a measuring child can end, told apart."""

import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.localcloud import sessions
from orchestrator.localcloud.findings import Measured, Profiled
from orchestrator.localcloud.flags import Settings
from orchestrator.localcloud.litert_files import litert_files
from orchestrator.localcloud.onnx_files import onnx_files
from orchestrator.localcloud.outcome import Outcome
from orchestrator.localcloud.sessions import Bench, Fault, Profile, found_in
from orchestrator.sandbox.child import ChildResult

LOADING, RUNNING = {"stage": "loading"}, {"stage": "running"}
FAILED = {"stage": "failed", "kind": "model_unsupported", "reason": "x"}
TIMES = {
    "count": 1,
    **dict.fromkeys(("first", "last", "min", "max", "mean", "std", "p5", "p50", "p90", "p95", "p99"), 1),
}
MEASURED: dict[str, Any] = {
    "stage": "measured",
    "load_cold_ms": 1.0,
    "load_warm_ms": 1.0,
    "first_inference_ms": 1.0,
    "warmup_ms": TIMES,
    "latency_ms": TIMES,
    "samples_ms": [1.0],
    "memory": {"base_mb": 1.0, "load_peak_mb": 2.0, "run_peak_mb": 3.0},
    "noise": {"run_delay": 0.0, "steal": None},
    "doubts": [],
    "inputs": [{"name": "x", "dtype": "float32", "shape": [1, 3]}],
    "input_bytes": 12,
    "chosen_dimensions": {"batch": 1},
}


def ended(*messages: dict[str, Any], returncode: int = 0, killed: str | None = None, stderr: str = "") -> ChildResult:
    """A child that has ended."""
    return ChildResult(returncode=returncode, killed=killed, messages=messages, stderr=stderr, peak_mb=1.0, wall_s=1.0)


@pytest.mark.parametrize(
    ("result", "kind", "told"),
    [
        (ended(LOADING, killed="timeout", returncode=-9), "run_timeout", "its time was up while loading"),
        (ended(LOADING, RUNNING, killed="timeout", returncode=-9), "run_timeout", "while running"),
        (ended(LOADING, RUNNING, killed="memory", returncode=-9), "out_of_memory", "more memory than"),
        (ended(LOADING, RUNNING, killed="output", returncode=-9), "model_crash", "printed more"),
        (ended(LOADING, RUNNING, returncode=-signal.SIGKILL), "out_of_memory", "memory ran out while running"),
        (
            ended(LOADING, returncode=-signal.SIGSEGV),
            "model_crash",
            "loading the model: Segmentation fault",
        ),
        (
            ended(LOADING, RUNNING, returncode=-signal.SIGFPE),
            "model_crash",
            "model: Floating point exception",
        ),
        (ended(LOADING, returncode=-signal.SIGABRT), "model_crash", "Aborted"),
        (ended(LOADING, returncode=-signal.SIGABRT, stderr="what(): std::bad_alloc"), "out_of_memory", "memory"),
        (ended(LOADING, {**FAILED, "reason": "no\nsuch"}), "model_unsupported", "no such"),
        (ended(LOADING, {**FAILED, "kind": "root"}), "device", "ended while loading"),
        (ended({"stage": "error", "type": "MemoryError", "message": ""}, returncode=1), "out_of_memory", "memory ran"),
        (ended({"stage": "error", "type": "KeyError", "message": "x"}, returncode=1), "device", "KeyError"),
        (ended(returncode=1, stderr="No module named onnxruntime"), "device", "exit code 1"),
        (ended(returncode=0), "device", "exit code 0"),
        (ended({**MEASURED, "load_cold_ms": -1.0}), "device", "nonsense at load_cold_ms"),
        (ended({**MEASURED, "doubts": ["a\nERROR: forged"]}), "device", "nonsense at doubts"),
        (ended({**MEASURED, "samples_ms": []}), "device", "nonsense at samples_ms"),
        (ended({**MEASURED, "samples_ms": [1.0, 2.0]}), "device", "2 samples, and a count of 1"),
        (ended({**MEASURED, "chosen_dimensions": {"a\nERROR: forged": "x"}}), "device", "nonsense at"),
        (ended({"stage": "measured"}), "device", "nonsense at"),
    ],
)
def test_an_end_without_a_measurement_has_its_kind(result: ChildResult, kind: str, told: str) -> None:
    fault = found_in(result, "measured", Measured)
    assert isinstance(fault, Fault)
    assert (fault.kind, told in fault.reason) == (kind, True), fault.reason
    assert fault.reason.isprintable()


def test_what_was_measured_counts_even_if_the_child_dies_on_its_way_out() -> None:
    found = found_in(ended(LOADING, RUNNING, MEASURED, returncode=-signal.SIGSEGV), "measured", Measured)
    assert isinstance(found, Measured)
    assert found.samples_ms == (1.0,)


@pytest.mark.parametrize("file", ["../profile.pb", "/etc/passwd.pb", "profile.txt", "", "a b.json", "profile.pb\n"])
def test_a_profile_is_a_file_of_the_child_s_own_folder(file: str) -> None:
    found = found_in(ended({"stage": "profiled", "file": file, "run_ms": 1.0}), "profiled", Profiled)
    assert isinstance(found, Fault)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench with plenty of time and no model."""
    return Bench(
        model_path=tmp_path / "model.onnx",
        settings=Settings(threads=1),
        scratch=tmp_path,
        memory_bytes=1 << 30,
        deadline_s=time.monotonic() + 60,
    )


@pytest.mark.parametrize(
    ("leave", "usable"),
    [
        (lambda path: path.write_bytes(b"profile"), True),
        (lambda path: path.symlink_to("/etc/passwd"), False),
        (lambda path: path.mkdir(), False),
        (lambda path: None, False),
        (lambda path: path.write_bytes(bytes(33 << 20)), False),
    ],
    ids=["a file", "a link", "a folder", "nothing", "too long"],
)
def test_only_a_plain_file_of_bearable_size_is_taken_from_the_child(
    monkeypatch: pytest.MonkeyPatch, bench: Bench, leave: Callable[[Path], object], usable: bool
) -> None:
    def run_child(module: str, spec: object, *, scratch: Path, **_: object) -> ChildResult:
        leave(scratch / "profile.pb")
        return ended({"stage": "profiled", "file": "profile.pb", "run_ms": 2.0})

    monkeypatch.setattr(sessions, "run_child", run_child)
    found = bench.profile("litert")
    assert isinstance(found, Profile) == usable


def test_without_time_left_nothing_is_profiled(bench: Bench) -> None:
    assert replace(bench, deadline_s=time.monotonic()).profile("onnx") == Fault(
        kind="run_timeout", reason="its time was up"
    )


@pytest.mark.parametrize("name", ["model.onnx", "model.tflite"])
def test_a_measurement_without_a_profile_is_a_measurement_that_says_so(
    name: str,
) -> None:
    found = Outcome(
        settings=Settings(threads=1),
        measured=Measured.model_validate(MEASURED),
        model_size_bytes=1000,
        profiled=Fault(kind="device", reason="LiteRT 9 is not known"),
    )
    files = onnx_files(found) if name == "model.onnx" else litert_files(found)
    told = b"".join(content for content in files.values() if isinstance(content, bytes))
    assert not [file for file, content in files.items() if isinstance(content, Path)]
    assert b"no per-operator profile: LiteRT 9 is not known" in told
