"""What a job on LiteRT measured, from the files that its benchmark tools leave.

`results.pb` is preferred to the text log, figure by figure: the log has whole microseconds and six digits. Both
count memory in MiB or KiB and percentiles by upper nearest rank, and have no p90 and no p99.
"""

from collections.abc import Iterator

from orchestrator.client.figures import Figure, to_metrics
from orchestrator.client.foreign_text import harmless
from orchestrator.client.litert_layers import litert_layers
from orchestrator.domain.measurement import Measurement
from orchestrator.domain.outcome import Failed, FailureKind, Measured, Outcome
from orchestrator.protocol.litert_log import CONDITION, NOISE, LiteRtLog
from orchestrator.protocol.litert_proto import BenchmarkResult, MemoryMetrics
from orchestrator.protocol.litert_stat import Stat
from orchestrator.protocol.results import BENCHMARK_RESULT_FILE, LOG_FILE, ResultFiles
from orchestrator.protocol.unreadable import Unreadable

MB_PER_MIB = 2**20 / 1e6
MB_PER_KIB = 2**10 / 1e6
NEAREST_RANK = "upper nearest rank: sorted[int(n * p / 100)]"
POPULATION = "of the population"
FIRST = "the first warm-up run"
PEAK = "peak memory of the process, as the tool monitored it"
GROWTH = "growth of the process since the tool's start; on Linux and Android of its peak"
TOLD_ERRORS = 3
MOST_CONDITIONS = 200

# What runtimes say; the first kind with a word in the text counts.
_TELLING = {
    FailureKind.OUT_OF_MEMORY: ("out of memory", "bad_alloc", "failed to allocate", "cannot allocate"),
    FailureKind.MODEL_UNSUPPORTED: (
        "didn't find op for builtin opcode",
        "unresolved custom op",
        "not supported",
        "unsupported",
        "failed to apply",
        "disallowed cpu fallback",
        "registration failed",
        "failed to load model",
        "could not load model",
    ),
}


def litert_outcome(found: ResultFiles) -> Outcome | None:
    """The measurement, or the failure that the log tells; None where the files tell of neither.

    Raises Unreadable where the numbers cannot be.
    """
    log, result = found.log, found.benchmark_result
    figures = (dict(_from_log(log)) if log else {}) | (dict(_from_result(result)) if result else {})
    metrics = to_metrics(figures)
    if "latency_ms" in metrics:
        measurement = Measurement(
            metrics=metrics,
            layers=litert_layers(found),
            runtime="LiteRT",
            conditions=dict(_conditions(log)) if log else {},
            noise=_doubts(log) if log else (),
            profiled=log.profiled if log else found.op_profile is not None,
        )
        return Measured(measurement=measurement)
    return _failure(log) if log else None


def _from_log(log: LiteRtLog) -> Iterator[tuple[str, Figure]]:
    stat = log.measured or Stat(count=0)
    n = stat.count or None
    mean_us = log.inference_avg_us if stat.avg_us is None else stat.avg_us
    microseconds = {
        "latency_ms": (mean_us, ""),
        "latency_p50_ms": (stat.median_us, NEAREST_RANK),
        "latency_p95_ms": (stat.p95_us, NEAREST_RANK),
        "latency_min_ms": (stat.min_us, ""),
        "latency_max_ms": (stat.max_us, ""),
        "latency_std_ms": (stat.std_us, POPULATION),
    }
    for name, (value_us, definition) in microseconds.items():
        if value_us is not None:
            yield name, Figure(value=value_us / 1000, definition=definition, source=LOG_FILE, n=n)
    load_ms = log.init_us / 1000 if log.init_us is not None else log.session_init_ms
    first_ms = None if log.first_inference_us is None else log.first_inference_us / 1000
    yield from _given("load_ms", load_ms, LOG_FILE)
    yield from _given("first_inference_ms", first_ms, LOG_FILE, FIRST)
    yield from _given("model_size_mb", log.model_size_mb, LOG_FILE)
    yield from _memory(log.peak_mib, MB_PER_MIB, log.memory_overall_mib, MB_PER_MIB, LOG_FILE)


def _from_result(result: BenchmarkResult) -> Iterator[tuple[str, Figure]]:
    """Single precision: what lies beyond seven digits is no information."""
    latency, misc = result.latency_metrics, result.misc_metrics
    if latency:
        n = misc.num_runs if misc else None
        for name, value, definition in (
            ("latency_ms", latency.avg_ms, ""),
            ("latency_p50_ms", latency.median_ms, NEAREST_RANK),
            ("latency_p95_ms", latency.p95_ms, NEAREST_RANK),
            ("latency_min_ms", latency.min_ms, ""),
            ("latency_max_ms", latency.max_ms, ""),
            ("latency_std_ms", latency.stddev_ms, POPULATION),
        ):
            yield from _given(name, value, BENCHMARK_RESULT_FILE, definition, n)
        yield from _given("load_ms", latency.init_ms, BENCHMARK_RESULT_FILE)
        yield from _given("first_inference_ms", latency.first_inference_ms, BENCHMARK_RESULT_FILE, FIRST)
    if misc:
        yield from _given("model_size_mb", misc.model_size_mb, BENCHMARK_RESULT_FILE)
    memory = result.memory_metrics or MemoryMetrics()
    yield from _memory(memory.peak_mem_mb, MB_PER_MIB, memory.overall_footprint_kb, MB_PER_KIB, BENCHMARK_RESULT_FILE)


def _given(
    name: str, value: float | None, source: str, definition: str = "", n: int | None = None
) -> Iterator[tuple[str, Figure]]:
    if value is not None:
        yield name, Figure(value=float(f"{value:.7g}"), definition=definition, source=source, n=n)


def _memory(
    peak: float | None, peak_mb: float, growth: float | None, growth_mb: float, source: str
) -> Iterator[tuple[str, Figure]]:
    """The peak where it was monitored, else the growth; a growth of 0 or less hides what it should tell."""
    if peak is not None and peak > 0:
        yield from _given("peak_memory_mb", peak * peak_mb, source, PEAK)
    elif growth is not None and growth > 0:
        yield from _given("peak_memory_mb", growth * growth_mb, source, GROWTH)


def _conditions(log: LiteRtLog) -> Iterator[tuple[str, str]]:
    if "Num threads" in log.params:
        yield "threads", harmless(log.params["Num threads"])
    if log.warmup:
        yield "warmup_runs", str(log.warmup.count)
    delegates = [f"{made.name} {made.target}".strip() for made in log.delegates.created]
    delegates += [f"{applied.name} ({applied.extent})" for applied in log.delegates.applied]
    if delegates:
        yield "delegates", harmless(", ".join(dict.fromkeys(delegates)))
    for name, value in list(log.params.items())[:MOST_CONDITIONS]:
        if name.startswith(CONDITION):
            yield harmless(name.removeprefix(CONDITION)), harmless(value)
    notes = [warning for warning in log.warnings if not warning.startswith(NOISE)]
    if notes:
        yield "notes", harmless("; ".join(notes[:TOLD_ERRORS]))


def _doubts(log: LiteRtLog) -> tuple[str, ...]:
    """The runner's own doubts, and errors that did not stop the tool, such as a delegate that it then did without."""
    noise = (warning.removeprefix(NOISE) for warning in log.warnings if warning.startswith(NOISE))
    return tuple(harmless(text) for text in (*noise, *log.errors[:TOLD_ERRORS]))


def _failure(log: LiteRtLog) -> Failed | None:
    """Why a log has no measured runs, where it says so. Our own runner names the failure's kind itself."""
    if not log.failed and not log.errors:
        return None
    reason = harmless("; ".join(log.errors[:TOLD_ERRORS])) or "the benchmark failed without saying why"
    named, _, rest = reason.partition(": ")
    if named in set(FailureKind):
        return Failed(kind=FailureKind(named), reason=rest)
    lower = reason.lower()
    telling = (kind for kind, words in _TELLING.items() if any(word in lower for word in words))
    return Failed(kind=next(telling, FailureKind.MODEL_CRASH), reason=reason)


def check_not_cut_off(found: ResultFiles) -> None:
    """Raises Unreadable where a log began and never came to its end: half a file, or a process that died."""
    log = found.log
    if log and (log.params or log.warmup or log.session_init_ms is not None):
        reason = f"{LOG_FILE} ends before the measured runs"
        raise Unreadable(reason)
