"""The two files of a job that ran on ONNX Runtime: our own result, and the runtime's profile.

`onnxruntime-result.json` is written by whoever measures (schema below, version 1; fields are added, never
renamed). `onnxruntime-profile.json` is what the runtime's `end_profiling()` leaves.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from orchestrator.protocol.onnxruntime_profile import OnnxRuntimeProfile, ProfiledNode, parse_profile
from orchestrator.protocol.unreadable import Unreadable

__all__ = ["OnnxRuntimeProfile", "OnnxRuntimeResult", "ProfiledNode", "parse_profile"]

RESULT_FILE = "onnxruntime-result.json"
MAX_RESULT_BYTES = 4 * 2**20
MAX_SAMPLES = 10_000
P99_NEEDS = 100

_Text = Annotated[str, Field(max_length=4000)]
_Name = Annotated[str, Field(max_length=1000)]
_Size = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    """One object of the file: unknown fields are ignored, numbers are finite."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Runtime(_Part):
    """What executed the model."""

    name: _Name
    version: _Name


class RunError(_Part):
    """Why nothing was measured; the kinds are those of a job's failure."""

    kind: Literal["model_crash", "model_unsupported", "out_of_memory", "run_timeout", "device"]
    message: _Text


class Host(_Part):
    """The computer that measured."""

    cpu_model: _Name
    cores: Annotated[int, Field(ge=1)]
    os: _Name


class WallClock(_Part):
    """The timed iterations in milliseconds; p99 is null below 100 of them."""

    n: Annotated[int, Field(ge=1)]
    mean: _Size
    p50: _Size
    p90: _Size
    p95: _Size
    p99: _Size | None = None
    min: _Size
    max: _Size
    std: _Size

    @model_validator(mode="after")
    def _p99_rests_on_enough(self) -> Self:
        if self.p99 is not None and self.n < P99_NEEDS:
            reason = f"p99 of {self.n} samples"
            raise ValueError(reason)
        return self


class Memory(_Part):
    """Resident memory of the measuring process in MB (10^6): before loading, and the peaks of loading and running."""

    base_mb: _Size
    load_peak_mb: _Size
    run_peak_mb: _Size


class Noise(_Part):
    """How much the host was disturbed: time runnable but not running, and stolen, in percent of wall time."""

    run_delay_pct: _Size
    steal_pct: _Size
    noisy: bool
    reasons: Annotated[list[_Text], Field(max_length=20)] = []


class ModelInput(_Part):
    """An input as it was fed."""

    name: _Name
    dtype: _Name
    shape: Annotated[list[Annotated[int, Field(ge=0)]], Field(max_length=64)]


class OnnxRuntimeResult(_Part):
    """`onnxruntime-result.json`. With status "ok" all the measurements are there, with "error" an error is.

    Definitions of percentiles and deviation are texts, for sources differ in them. `notes` are what the reader should
    know besides: flags that were ignored, why there is no profile.
    """

    schema_version: Literal[1] = 1
    runtime: Runtime
    status: Literal["ok", "error"]
    error: RunError | None = None
    host: Host
    threads: Annotated[int, Field(ge=1)]
    spinning: bool
    load_cold_ms: _Size | None = None
    load_warm_ms: _Size | None = None
    first_inference_ms: _Size | None = None
    warmup_runs: Annotated[int, Field(ge=0)] | None = None
    samples_ms: Annotated[list[_Size], Field(max_length=MAX_SAMPLES)] = []
    wall_clock: WallClock | None = None
    percentile_definition: _Text = ""
    std_definition: _Text = ""
    memory: Memory | None = None
    noise: Noise | None = None
    inputs: Annotated[list[ModelInput], Field(max_length=1000)] = []
    chosen_dimensions: Annotated[dict[_Name, int], Field(max_length=1000)] = {}
    seed: int | None = None
    sandbox: Annotated[dict[_Name, _Text], Field(max_length=100)] = {}
    profile_overhead_pct: float | None = None
    notes: Annotated[list[_Text], Field(max_length=20)] = []

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.error is None) != (self.status == "ok"):
            reason = f"status {self.status!r} does not fit error {self.error!r}"
            raise ValueError(reason)
        if self.status == "ok" and (self.wall_clock is None or self.load_cold_ms is None):
            reason = "status 'ok' without wall_clock and load_cold_ms"
            raise ValueError(reason)
        if self.wall_clock is not None and self.wall_clock.n != len(self.samples_ms):
            reason = f"wall_clock of {self.wall_clock.n} samples, and {len(self.samples_ms)} in the list"
            raise ValueError(reason)
        return self

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The file's content. Raises Unreadable with the first thing that is wrong."""
        if len(data) > MAX_RESULT_BYTES:
            reason = f"longer than {MAX_RESULT_BYTES >> 20} MiB"
            raise Unreadable(reason)
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            reason = f"{place}: {first['msg']}" if place else first["msg"]
            raise Unreadable(reason) from error

    def to_json(self) -> bytes:
        """The file."""
        return self.model_dump_json(indent=1).encode()
