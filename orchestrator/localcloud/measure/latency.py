"""The first session: cold load, first inference, warm-up, the timed runs, memory, and the load again when warm."""

from typing import Any

from orchestrator.localcloud.measure.failure import Failure, failing_as
from orchestrator.localcloud.measure.memory import forget_peak
from orchestrator.localcloud.measure.noise import doubts, noise_between, read_host
from orchestrator.localcloud.measure.runtime import Infer, Inputs, LoadedModel, Runtime, Spec, feed, inputs_for
from orchestrator.localcloud.measure.summary import summarise_ms
from orchestrator.localcloud.measure.timing import Effort, time_runs, timed_ns, undisturbed, warm_up
from orchestrator.sandbox.inside import Say
from orchestrator.sandbox.memory import memory_of


def measure_latency(runtime: Runtime, spec: Spec, say: Say) -> None:
    """Measures the spec's model and says a line `stage="measured"`, or `stage="failed"` with kind and reason.

    Lines `stage="loading"` and `stage="running"` come before, so that the parent knows where a crash was. Times are
    milliseconds, memory is MB of 10^6 bytes.
    """
    try:
        say(stage="measured", **_measured(runtime, spec, say))
    except Failure as failure:
        say(stage="failed", kind=failure.kind, reason=str(failure))


def _measured(runtime: Runtime, spec: Spec, say: Say) -> dict[str, Any]:
    base_mb = memory_of().resident_mb
    say(stage="loading")
    forget_peak()
    model, cold_ns = _load(runtime, spec)
    load_peak_mb = memory_of().peak_mb
    inputs = inputs_for(runtime, model, spec)
    infer = feed(runtime, model, inputs)
    say(stage="running")
    forget_peak()
    with failing_as("model_crash", "running the model", runtime.foreign):
        runs = _run(infer, spec)
    run_peak_mb = memory_of().peak_mb
    del model, infer  # before the second load: two copies of a large model may be more than there is memory for
    warm_ns = _load(runtime, spec)[1]
    return {
        **runs,
        **_facts(inputs),
        "load_cold_ms": cold_ns / 1e6,
        "load_warm_ms": warm_ns / 1e6,
        "memory": {"base_mb": base_mb, "load_peak_mb": load_peak_mb, "run_peak_mb": run_peak_mb},
    }


def _load(runtime: Runtime, spec: Spec) -> tuple[LoadedModel, int]:
    """The model, and the nanoseconds it took to be ready for inputs."""
    loaded: list[LoadedModel] = []
    with failing_as("model_unsupported", "loading the model", runtime.foreign):
        duration_ns = timed_ns(lambda: loaded.append(runtime.load(spec)))
    return loaded[0], duration_ns


def _run(infer: Infer, spec: Spec) -> dict[str, Any]:
    """First inference, warm-up, timed runs."""
    first_ns = timed_ns(infer)
    most = {"max_s": spec["max_s"], "max_runs": spec["max_runs"]}
    least = Effort(min_runs=spec["warmup_runs"], min_s=spec["warmup_min_s"], **most)
    warmup = warm_up(infer, first_ns, least=least)
    with undisturbed():
        before = read_host()
        times = time_runs(infer, Effort(min_runs=spec["min_runs"], min_s=spec["min_s"], **most))
        noise = noise_between(before, read_host())
    latency_ms = summarise_ms(times)
    return {
        "first_inference_ms": first_ns / 1e6,
        "warmup_ms": summarise_ms(warmup),
        "latency_ms": latency_ms,
        "samples_ms": [time / 1e6 for time in times],
        "noise": noise,
        "doubts": doubts(noise, latency_ms, spec["threads"]),
    }


def _facts(inputs: Inputs) -> dict[str, Any]:
    """What was fed."""
    shapes = inputs.shapes.of
    return {
        "inputs": [{"name": value.name, "dtype": value.dtype, "shape": shapes[value.name]} for value in inputs.specs],
        "input_bytes": sum(array.nbytes for array in inputs.arrays.values()),
        "chosen_dimensions": inputs.shapes.chosen,
    }
