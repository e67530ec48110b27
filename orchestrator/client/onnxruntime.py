"""What a job on ONNX Runtime measured, from its result and its profile."""

from collections.abc import Iterator

from orchestrator.client.compute_unit import of_provider
from orchestrator.client.figures import Figure, to_metrics
from orchestrator.client.foreign_text import harmless
from orchestrator.domain.measurement import Layer, Measurement
from orchestrator.domain.outcome import Failed, FailureKind, Measured, Outcome
from orchestrator.protocol.onnxruntime import RESULT_FILE, OnnxRuntimeProfile, OnnxRuntimeResult
from orchestrator.protocol.unreadable import Unreadable

PERCENTILES = ("p50", "p90", "p95", "p99")


def onnxruntime_outcome(result: OnnxRuntimeResult, profile: OnnxRuntimeProfile | None) -> Outcome:
    """The result's measurement, or the failure it tells. Raises Unreadable where its numbers cannot be."""
    if result.error is not None:
        return Failed(kind=FailureKind(result.error.kind), reason=harmless(result.error.message))
    measurement = Measurement(
        metrics=to_metrics(dict(_figures(result))),
        layers=_layers(profile) if profile else (),
        runtime=harmless(f"{result.runtime.name} {result.runtime.version}"),
        conditions=dict(_conditions(result)),
        noise=tuple(_noise(result, profile)),
    )
    return Measured(measurement=measurement)


def _figures(result: OnnxRuntimeResult) -> Iterator[tuple[str, Figure]]:
    def figure(value: float | None, definition: str = "", n: int | None = None) -> Figure:
        return Figure(value=value, definition=harmless(definition), source=RESULT_FILE, n=n)

    clock = result.wall_clock
    if clock is None:
        reason = "status ok without a measurement"
        raise Unreadable(reason)
    yield "latency_ms", figure(clock.mean, n=clock.n)
    yield "latency_min_ms", figure(clock.min, n=clock.n)
    yield "latency_max_ms", figure(clock.max, n=clock.n)
    yield "latency_std_ms", figure(clock.std, result.std_definition, clock.n)
    for name in PERCENTILES:
        yield f"latency_{name}_ms", figure(getattr(clock, name), result.percentile_definition, clock.n)
    yield "first_inference_ms", figure(result.first_inference_ms)
    yield "load_ms", figure(result.load_cold_ms)
    if result.memory:
        peak_mb = max(result.memory.load_peak_mb, result.memory.run_peak_mb)
        yield "peak_memory_mb", figure(peak_mb, "peak resident memory of the process, while loading or running")


def _conditions(result: OnnxRuntimeResult) -> Iterator[tuple[str, str]]:
    yield "threads", str(result.threads)
    yield "spinning", "on" if result.spinning else "off"
    yield "cpu", harmless(result.host.cpu_model)
    yield "cores", str(result.host.cores)
    yield "os", harmless(result.host.os)
    numbers = {
        "warmup_runs": result.warmup_runs,
        "load_warm_ms": result.load_warm_ms,
        "base_memory_mb": result.memory.base_mb if result.memory else None,
        "run_delay_pct": result.noise.run_delay_pct if result.noise else None,
        "steal_pct": result.noise.steal_pct if result.noise else None,
        "profile_overhead_pct": result.profile_overhead_pct,
        "seed": result.seed,
    }
    yield from (
        (name, f"{value:.6g}" if isinstance(value, float) else str(value))
        for name, value in numbers.items()
        if value is not None
    )
    for kind, texts in (
        ("inputs", [f"{fed.name}: {fed.dtype} {'x'.join(map(str, fed.shape))}" for fed in result.inputs]),
        ("chosen_dimensions", [f"{name}={size}" for name, size in result.chosen_dimensions.items()]),
        ("sandbox", [f"{name}={wall}" for name, wall in result.sandbox.items()]),
        ("notes", result.notes),
    ):
        if texts:
            yield kind, harmless(", ".join(texts), 1000)


def _noise(result: OnnxRuntimeResult, profile: OnnxRuntimeProfile | None) -> Iterator[str]:
    if result.noise and result.noise.noisy:
        yield from map(harmless, result.noise.reasons or ["the host was disturbed"])
    if profile and profile.truncated:
        yield "the operators' profile was cut short"


def _layers(profile: OnnxRuntimeProfile) -> tuple[Layer, ...]:
    """Nodes as executed, after graph optimisation; fused ones are one."""
    return tuple(
        Layer(
            index=index,
            name=harmless(node.name),
            type=harmless(node.op_type),
            time_us=node.mean_us,
            compute_unit=of_provider(node.provider),
        )
        for index, node in enumerate(profile.nodes)
    )
