"""The result files of a model that ran on LiteRT: those its own benchmark tool leaves on a device.

The tool's memory figures are MiB, differences to its start except for the peak; its times are whole microseconds.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator.localcloud.findings import Measured, MemoryPeaks, Times
from orchestrator.localcloud.flags import Settings
from orchestrator.localcloud.outcome import Outcome
from orchestrator.localcloud.sessions import Fault
from orchestrator.protocol.litert_delegate import Delegates, parse_delegates
from orchestrator.protocol.litert_log import NOISE, LiteRtLog, format_log
from orchestrator.protocol.litert_proto import (
    BenchmarkResult,
    LatencyMetrics,
    MemoryMetrics,
    MiscMetrics,
    encode_benchmark_result,
)
from orchestrator.protocol.litert_stat import Stat
from orchestrator.protocol.results import BENCHMARK_RESULT_FILE, LOG_FILE, OP_PROFILE_FILE

MIB_MB = 2**20 / 1e6


def litert_files(outcome: Outcome) -> Mapping[str, bytes | Path]:
    """`tflite-logs.txt`; with a measurement `results.pb` too, and the op profile where there is one."""
    files: dict[str, bytes | Path] = {LOG_FILE: litert_log(outcome).encode()}
    if isinstance(outcome.measured, Measured):
        result = _result(outcome.measured, outcome.model_size_bytes)
        files[BENCHMARK_RESULT_FILE] = encode_benchmark_result(result)
    if outcome.profile:
        files[OP_PROFILE_FILE] = outcome.profile.path
    return files


def litert_log(outcome: Outcome) -> str:
    """The tool's log, with our notes as warnings, those that doubt the figures marked."""
    found = outcome.measured
    log = LiteRtLog(params=_params(outcome.settings), model_size_mb=outcome.model_size_bytes / 1e6)
    if isinstance(found, Fault):
        log = replace(log, errors=(f"{found.kind}: {found.reason}",), failed=True)
    else:
        doubts = tuple(NOISE + doubt for doubt in found.doubts)
        log = replace(_measured_log(log, found, _delegates(outcome.printed)), warnings=doubts)
    return format_log(replace(log, warnings=(*outcome.notes, *log.warnings)))


def _params(settings: Settings) -> dict[str, str]:
    """The flags in the tool's own words."""
    return {
        "Min num runs": str(settings.min_runs),
        "Min runs duration (seconds)": f"{settings.min_s:g}",
        "Max runs duration (seconds)": f"{settings.max_s:g}",
        "Num threads": str(settings.threads),
        "Min warmup runs": str(settings.warmup_runs),
        "Min warmup runs duration (seconds)": f"{settings.warmup_min_s:g}",
        "Graph": "model.tflite",
        "Use xnnpack": str(int(settings.use_xnnpack)),
    }


def _delegates(printed: str) -> Delegates:
    """Those the runtime announced, each once: the model was loaded twice."""
    found = parse_delegates(printed.splitlines())
    return replace(
        found,
        created=tuple(dict.fromkeys(found.created)),
        replacements=tuple(dict.fromkeys(found.replacements)),
        applied=tuple(dict.fromkeys(found.applied)),
    )


def _measured_log(log: LiteRtLog, found: Measured, delegates: Delegates) -> LiteRtLog:
    base, load, run = _mib(found.memory)
    return replace(
        log,
        delegates=delegates,
        session_init_ms=found.load_cold_ms,
        warmup=_stat(found.warmup_ms),
        measured=_stat(found.latency_ms),
        init_us=round(found.load_cold_ms * 1e3),
        first_inference_us=round(found.first_inference_ms * 1e3),
        warmup_avg_us=found.warmup_ms.mean * 1e3,
        inference_avg_us=found.latency_ms.mean * 1e3,
        memory_init_mib=load - base,
        memory_overall_mib=max(load, run) - base,
        peak_mib=max(load, run),
    )


def _stat(times: Times) -> Stat:
    """The series as the tool counts it: the deviation is cut to whole microseconds."""
    return Stat(
        count=times.count,
        first_us=_us(times.first),
        curr_us=_us(times.last),
        min_us=_us(times.min),
        max_us=_us(times.max),
        avg_us=times.mean * 1e3,
        std_us=int(times.std * 1e3),
        p5_us=_us(times.p5),
        median_us=_us(times.p50),
        p95_us=_us(times.p95),
    )


def _result(found: Measured, model_size_bytes: int) -> BenchmarkResult:
    times = found.latency_ms
    base, load, run = _mib(found.memory)
    return BenchmarkResult(
        latency_metrics=LatencyMetrics(
            avg_ms=times.mean,
            min_ms=times.min,
            max_ms=times.max,
            stddev_ms=times.std,
            median_ms=times.p50,
            p5_ms=times.p5,
            p95_ms=times.p95,
            init_ms=found.load_cold_ms,
            first_inference_ms=found.first_inference_ms,
            average_warm_up_ms=found.warmup_ms.mean,
        ),
        memory_metrics=MemoryMetrics(
            init_footprint_kb=round((load - base) * 1024),
            overall_footprint_kb=round((max(load, run) - base) * 1024),
            peak_mem_mb=max(load, run),
        ),
        misc_metrics=MiscMetrics(
            model_size_mb=model_size_bytes / 1e6,
            num_runs=times.count,
            num_warmup_runs=found.warmup_ms.count,
            model_throughput_in_mb_per_sec=found.input_bytes / 1e6 / (times.mean / 1e3) if times.mean else None,
        ),
    )


def _mib(memory: MemoryPeaks) -> tuple[float, float, float]:
    """Base, load peak and run peak."""
    return memory.base_mb / MIB_MB, memory.load_peak_mb / MIB_MB, memory.run_peak_mb / MIB_MB


def _us(milliseconds: float) -> int:
    return round(milliseconds * 1e3)
