"""How a job ended. Outcomes are values: one job's failure ends nothing but itself."""

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.domain.measurement import Measurement


class FailureKind(StrEnum):
    """Why a job has no result."""

    UPLOAD = "upload"
    QUOTA = "quota"
    QUEUE_TIMEOUT = "queue_timeout"
    DEVICE = "device"
    RUN_TIMEOUT = "run_timeout"
    CLOUD = "cloud"
    RESULTS_MISSING = "results_missing"
    RESULTS_UNREADABLE = "results_unreadable"
    MODEL_CRASH = "model_crash"
    MODEL_UNSUPPORTED = "model_unsupported"
    OUT_OF_MEMORY = "out_of_memory"
    CONVERSION = "conversion"
    CANCELLED = "cancelled"

    @property
    def is_infrastructure(self) -> bool:
        """Whether trying again may help; what the model itself did is not tried again."""
        return self not in _FINAL


_FINAL = {
    FailureKind.MODEL_CRASH,
    FailureKind.MODEL_UNSUPPORTED,
    FailureKind.OUT_OF_MEMORY,
    FailureKind.CONVERSION,
    FailureKind.CANCELLED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """The job delivered numbers."""

    measurement: Measurement


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """The job has no result, and why."""

    kind: FailureKind
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """The job was never submitted, and why."""

    reason: str


Outcome = Measured | Failed | Skipped
