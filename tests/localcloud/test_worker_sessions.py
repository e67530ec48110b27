"""Every way in which a measuring child can end, told apart."""

import signal
from typing import Any

import pytest

from orchestrator.localcloud.findings import Measured, Profiled
from orchestrator.localcloud.sessions import Fault, found_in
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
        (ended(LOADING, returncode=-signal.SIGSEGV), "model_crash", "crashed while loading the model (SIGSEGV)"),
        (ended(LOADING, RUNNING, returncode=-signal.SIGFPE), "model_crash", "running the model (SIGFPE)"),
        (ended(LOADING, returncode=-signal.SIGABRT), "model_crash", "(SIGABRT)"),
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
