"""What the measuring children report: checked like a stranger's words, for they have run a stranger's model."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from orchestrator.protocol.onnxruntime import MAX_SAMPLES

_Size = Annotated[float, Field(ge=0)]
_Name = Annotated[str, Field(max_length=1000)]
_Line = Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Times(_Message):
    """A series of times in milliseconds; percentiles are upper nearest rank, `std` is the population's."""

    count: Annotated[int, Field(ge=1)]
    first: _Size
    last: _Size
    min: _Size
    max: _Size
    mean: _Size
    std: _Size
    p5: _Size
    p50: _Size
    p90: _Size
    p95: _Size
    p99: _Size


class MemoryPeaks(_Message):
    """Resident memory in MB of 10^6 bytes: before loading, and the peaks of loading and of running."""

    base_mb: _Size
    load_peak_mb: _Size
    run_peak_mb: _Size


class HostNoise(_Message):
    """Shares of the timed loop: waiting for a core, and stolen by a hypervisor; None where the system is silent."""

    run_delay: _Size | None
    steal: _Size | None


class FedInput(_Message):
    """An input as it was fed."""

    name: _Name
    dtype: _Name
    shape: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(max_length=64)]


class Measured(_Message):
    """What the first session found."""

    load_cold_ms: _Size
    load_warm_ms: _Size
    first_inference_ms: _Size
    warmup_ms: Times
    latency_ms: Times
    samples_ms: Annotated[tuple[_Size, ...], Field(min_length=1, max_length=MAX_SAMPLES)]
    memory: MemoryPeaks
    noise: HostNoise
    doubts: Annotated[tuple[_Line, ...], Field(max_length=10)]
    inputs: Annotated[tuple[FedInput, ...], Field(max_length=1000)]
    input_bytes: Annotated[int, Field(ge=0)]
    chosen_dimensions: Annotated[dict[_Name, int], Field(max_length=1000)]

    @model_validator(mode="after")
    def _counts_its_samples(self) -> Self:
        if self.latency_ms.count != len(self.samples_ms):
            reason = f"{len(self.samples_ms)} samples, and a count of {self.latency_ms.count}"
            raise ValueError(reason)
        return self


class Profiled(_Message):
    """What the second session found: the file it wrote into its folder, and the median run under the profiler."""

    file: Annotated[str, Field(pattern=r"^[\w-]+\.(json|pb)$")]
    run_ms: Annotated[float, Field(gt=0)]
