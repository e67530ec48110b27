"""What one job measured: metrics with their units and definitions, layers, and the conditions they were taken under."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricKind:
    """A metric's unit, what it means, and whether less of it is better."""

    unit: str
    meaning: str
    lower_is_better: bool = True

    @property
    def sign(self) -> float:
        """1 where less is better, -1 where more is."""
        return 1.0 if self.lower_is_better else -1.0


METRICS: dict[str, MetricKind] = {
    "latency_ms": MetricKind(unit="ms", meaning="mean of the timed iterations"),
    "latency_p50_ms": MetricKind(unit="ms", meaning="median of the timed iterations"),
    "latency_p90_ms": MetricKind(unit="ms", meaning="90th percentile of the timed iterations"),
    "latency_p95_ms": MetricKind(unit="ms", meaning="95th percentile of the timed iterations"),
    "latency_p99_ms": MetricKind(unit="ms", meaning="99th percentile of the timed iterations"),
    "latency_min_ms": MetricKind(unit="ms", meaning="fastest timed iteration"),
    "latency_max_ms": MetricKind(unit="ms", meaning="slowest timed iteration"),
    "latency_std_ms": MetricKind(unit="ms", meaning="standard deviation of the timed iterations"),
    "first_inference_ms": MetricKind(unit="ms", meaning="first inference after loading"),
    "load_ms": MetricKind(unit="ms", meaning="loading and initialising the model in a fresh process"),
    "peak_memory_mb": MetricKind(unit="MB", meaning="peak memory of the process, or its growth, as the source says"),
    "throughput_per_s": MetricKind(unit="1/s", meaning="inferences a second", lower_is_better=False),
    "model_size_mb": MetricKind(unit="MB", meaning="size of the model file"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One number. `definition` is exact where sources differ (population or sample, nearest rank or interpolated).

    `n` is the number of iterations behind it, where the source says.
    """

    value: float
    unit: str
    definition: str = ""
    source: str = ""
    n: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One operator as executed. `time_us` is its time per inference; `compute_unit` is CPU, GPU, NPU or ""."""

    index: int
    name: str
    type: str
    time_us: float
    compute_unit: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """Everything one job's results say. `profiled`: the latency was taken while the profiler ran.

    `noise` holds reasons to doubt the numbers (a busy host, a throttled device); `conditions` what they were
    taken under (runtime, threads, device state), as text.
    """

    metrics: Mapping[str, Metric]
    layers: tuple[Layer, ...] = ()
    runtime: str = ""
    conditions: Mapping[str, str] = field(default_factory=dict)
    noise: tuple[str, ...] = ()
    profiled: bool = False
