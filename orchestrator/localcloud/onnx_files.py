"""The result files of a model that ran on ONNX Runtime."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestrator.localcloud.findings import Measured, Times
from orchestrator.localcloud.host import core_count, cpu_model, os_name
from orchestrator.localcloud.outcome import Outcome
from orchestrator.localcloud.sessions import Fault, Profile
from orchestrator.protocol.onnxruntime import (
    P99_NEEDS,
    RESULT_FILE,
    Host,
    Memory,
    ModelInput,
    Noise,
    OnnxRuntimeResult,
    RunError,
    Runtime,
    WallClock,
)
from orchestrator.protocol.onnxruntime_profile import PROFILE_FILE


def onnx_files(outcome: Outcome) -> Mapping[str, bytes | Path]:
    """`onnxruntime-result.json`, and ONNX Runtime's own profile where there is one."""
    files: dict[str, bytes | Path] = {RESULT_FILE: onnx_result(outcome).to_json()}
    if outcome.profile:
        files[PROFILE_FILE] = outcome.profile.path
    return files


def onnx_result(outcome: Outcome) -> OnnxRuntimeResult:
    """What was measured, or why nothing was."""
    found = outcome.measured
    figures: dict[str, Any] = (
        {"status": "error", "error": RunError(kind=found.kind, message=found.reason)}
        if isinstance(found, Fault)
        else {"status": "ok", **_figures(found, outcome)}
    )
    return OnnxRuntimeResult(
        runtime=Runtime(name="ONNX Runtime", version=version("onnxruntime")),
        host=Host(cpu_model=cpu_model(), cores=core_count(), os=os_name()),
        threads=outcome.settings.threads,
        spinning=outcome.settings.spinning,
        seed=outcome.settings.seed,
        sandbox={name: str(wall) for name, wall in outcome.walls.items()},
        notes=list(outcome.notes),
        **figures,
    )


def _figures(found: Measured, outcome: Outcome) -> dict[str, Any]:
    return {
        "load_cold_ms": found.load_cold_ms,
        "load_warm_ms": found.load_warm_ms,
        "first_inference_ms": found.first_inference_ms,
        "warmup_runs": found.warmup_ms.count,
        "samples_ms": list(found.samples_ms),
        "wall_clock": _wall_clock(found.latency_ms),
        "percentile_definition": "upper nearest rank: sorted[int(n * p / 100)]",
        "std_definition": "of the population",
        "memory": Memory(**found.memory.model_dump()),
        "noise": _noise(found),
        "inputs": [ModelInput(name=fed.name, dtype=fed.dtype, shape=list(fed.shape)) for fed in found.inputs],
        "chosen_dimensions": found.chosen_dimensions,
        "profile_overhead_pct": _overhead_pct(found, outcome.profile),
    }


def _wall_clock(times: Times) -> WallClock:
    return WallClock(
        n=times.count,
        p99=times.p99 if times.count >= P99_NEEDS else None,
        **times.model_dump(include={"mean", "p50", "p90", "p95", "min", "max", "std"}),
    )


def _noise(found: Measured) -> Noise | None:
    """None where the system does not tell: not knowing is not the same as quiet."""
    delay, steal = found.noise.run_delay, found.noise.steal
    if delay is None or steal is None:
        return None
    reasons = list(found.doubts)
    return Noise(run_delay_pct=100 * delay, steal_pct=100 * steal, noisy=bool(reasons), reasons=reasons)


def _overhead_pct(found: Measured, profile: Profile | None) -> float | None:
    """How much longer the median run took under the profiler."""
    if profile is None or not found.latency_ms.p50:
        return None
    return 100 * (profile.run_ms / found.latency_ms.p50 - 1)
