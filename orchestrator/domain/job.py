"""One job: a repeat of a cell on the device cloud, with all its attempts."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from orchestrator.domain.cell import Cell
from orchestrator.domain.conversion import MeasuredFile
from orchestrator.domain.measurement import Measurement
from orchestrator.domain.outcome import Failed, Measured, Outcome


class Phase(StrEnum):
    """What a cloud's job status means to us; unknown statuses count as active."""

    WAITING = "waiting"
    ACTIVE = "active"
    FINAL = "final"


@dataclass(frozen=True, kw_only=True, order=True, slots=True)
class JobKey:
    """Which job of the run; `repeat` counts from 1. `control`: the old model's job beside the one of that repeat."""

    cell: Cell
    repeat: int
    control: bool = False

    def __str__(self) -> str:
        return f"{self.cell} #{self.repeat}" + (" (control)" if self.control else "")

    @property
    def role(self) -> Literal["candidate", "control"]:
        """What is measured: the plan's model ("candidate") or the old one ("control")."""
        return "control" if self.control else "candidate"


@dataclass(frozen=True, kw_only=True, slots=True)
class StateChange:
    """When an attempt came to a state: one of our own steps, or the cloud's status as text."""

    state: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One try at a job. `files` are its saved raw files, relative to the run's folder; `notes` are for the reader.

    `begun_at` is when the device was first seen to work on it.
    """

    number: int
    started_at: datetime
    ended_at: datetime
    outcome: Outcome
    job_id: str = ""
    begun_at: datetime | None = None
    changes: tuple[StateChange, ...] = ()
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class JobResult:
    """A job that has ended. Its outcome is the last attempt's (or why there was none).

    `model_sha256` is that of what was measured, "" where nobody says; `file` tells more of it. `why` says what made its
    session worth measuring, "" where the plan asked for it. `parent_run_id` is the hub run of the conversion whose file
    was measured, `orphaned` why the job's own does not have it as its parent.
    """

    key: JobKey
    outcome: Outcome
    attempts: tuple[Attempt, ...] = ()
    hub_run_id: str = ""
    model_sha256: str = ""
    why: str = ""
    file: MeasuredFile | None = None
    parent_run_id: str = ""
    orphaned: str = ""

    @property
    def measured(self) -> Measured | None:
        """The outcome, if there are numbers."""
        return self.outcome if isinstance(self.outcome, Measured) else None

    @property
    def failed(self) -> Failed | None:
        """The outcome, if it is a failure."""
        return self.outcome if isinstance(self.outcome, Failed) else None

    @property
    def compared(self) -> "JobResult":
        """The job with no more than what another run is compared with: its metrics and its runtime."""
        if self.measured is None:
            return JobResult(key=self.key, outcome=self.outcome)
        found = self.measured.measurement
        brief = Measurement(metrics=found.metrics, runtime=found.runtime)
        return JobResult(key=self.key, outcome=Measured(measurement=brief))

    @property
    def job_id(self) -> str:
        """The cloud's id of the last attempt's job, "" if none was submitted."""
        return self.attempts[-1].job_id if self.attempts else ""
