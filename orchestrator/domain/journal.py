"""The journalled state of a run and of each of its jobs: what must survive a crash.

A job's entry moves along one way; before and after every side effect it is written down, so that entering again
at any state is safe. Signed URLs are not part of it: they are asked for again.

    planned -> reserved -> upload_created -> uploaded -> submitting -> submitted -> concluded
       ^                                                                             |
       +------------------ another attempt, if that may help ------------------------+
    concluded -> logging -> logged -> tagged -> done
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from orchestrator.domain.alert import Alert
from orchestrator.domain.cell import Cell
from orchestrator.domain.conversion import ConvertedModel, MeasuredFile, measured_file
from orchestrator.domain.device import Device
from orchestrator.domain.job import Attempt, JobKey, JobResult, StateChange
from orchestrator.domain.model import Model
from orchestrator.domain.old_model import OldModel
from orchestrator.domain.outcome import Failed, FailureKind, Outcome, Skipped
from orchestrator.domain.plan import Plan
from orchestrator.domain.report import GateResult
from orchestrator.domain.run import Run


class JobState(StrEnum):
    """The last thing known to have happened to a job; the -ing states are intents: it may have happened."""

    PLANNED = "planned"
    RESERVED = "reserved"
    UPLOAD_CREATED = "upload_created"
    UPLOADED = "uploaded"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    CONCLUDED = "concluded"
    LOGGING = "logging"
    LOGGED = "logged"
    TAGGED = "tagged"
    DONE = "done"

    @property
    def may_be_on_the_cloud(self) -> bool:
        """Whether a job may be queued or running there."""
        return self in ON_THE_CLOUD

    @property
    def needs_upload(self) -> bool:
        """Whether the job's bundle is not on the cloud yet."""
        return self in _BEFORE_SUBMISSION

    @property
    def has_outcome(self) -> bool:
        """Whether measuring is over and at most tracking is left."""
        return self in _AFTER_MEASURING


ON_THE_CLOUD = {JobState.SUBMITTING, JobState.SUBMITTED}
_BEFORE_SUBMISSION = {JobState.PLANNED, JobState.RESERVED, JobState.UPLOAD_CREATED}
_AFTER_MEASURING = {JobState.CONCLUDED, JobState.LOGGING, JobState.LOGGED, JobState.TAGGED, JobState.DONE}


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedArtifact:
    """A raw file's artifact on the hub: its id once announced, and whether its transfer is settled."""

    file: str
    artifact_id: str
    uploaded: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptFile:
    """A raw file (relative to the run's folder) that lies in the store too, where other machines find it."""

    file: str
    uri: str
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class JobEntry:
    """One job's row. The fields from `started_at` to `outcome` are the current attempt's; `attempts` are the past ones.

    `kept` are files of all attempts. `begun_at` is when the device was first seen to work on it. `final`: the cloud
    meant its refusal, another attempt cannot help. `why`: what made its session worth measuring, "" where the plan
    asked for it. `parent_run_id` is the hub run of the conversion whose file was measured; `orphaned` is why the job's
    own does not have it as its parent, "" where it has.
    """

    run_id: str
    key: JobKey
    state: JobState = JobState.PLANNED
    version: int = 0
    attempt: int = 1
    started_at: datetime | None = None
    download_id: str = ""
    upload_id: str = ""
    job_id: str = ""
    begun_at: datetime | None = None
    changes: tuple[StateChange, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    outcome: Outcome | None = None
    final: bool = False
    attempts: tuple[Attempt, ...] = ()
    hub_run_id: str = ""
    artifacts: tuple[SavedArtifact, ...] = ()
    why: str = ""
    kept: tuple[KeptFile, ...] = ()
    parent_run_id: str = ""
    orphaned: str = ""

    def concluded(self, outcome: Outcome, at: datetime) -> "JobEntry":
        """The entry with its attempt ended in that outcome; one that never began leaves no attempt."""
        if self.started_at is None:
            return replace(self, outcome=outcome)
        attempt = Attempt(
            number=self.attempt,
            started_at=self.started_at,
            ended_at=at,
            outcome=outcome,
            job_id=self.job_id,
            begun_at=self.begun_at,
            changes=self.changes,
            files=self.files,
            notes=self.notes,
        )
        return replace(self, attempts=(*self.attempts, attempt), outcome=outcome)

    def cancelled(self, at: datetime) -> "JobEntry":
        """The entry once nobody wants the job any more; of one that was never begun, nothing needs to be logged."""
        outcome = Failed(kind=FailureKind.CANCELLED, reason="the run was cancelled")
        has_begun = self.started_at is not None or self.attempts
        return replace(self.concluded(outcome, at), state=JobState.CONCLUDED if has_begun else JobState.DONE)

    def next_attempt(self) -> "JobEntry":
        """The entry with its concluded attempt put behind it, ready for another one."""
        fresh = JobEntry(run_id=self.run_id, key=self.key, why=self.why, kept=self.kept)
        return replace(fresh, version=self.version, attempt=self.attempt + 1, attempts=self.attempts)

    def may_be_before(self, lost: "JobEntry", within_s: float) -> bool:
        """Whether this job may have reached the device before one whose answer was lost; both may be there now.

        The last intent of a job that is known, or is leaving, is from before it left; that of a lost one from when it
        was lost, by when it had arrived if it ever did. A job that left `within_s` before that, or earlier, is over.
        """
        return timedelta() < lost._last_intent() - self._last_intent() < timedelta(seconds=within_s)

    def _last_intent(self) -> datetime:
        return next(change.at for change in reversed(self.changes) if change.state == JobState.SUBMITTING)

    def result(self) -> JobResult:
        """What the report says of the job; one that never came to an outcome was skipped."""
        outcome = self.outcome or Skipped(reason="the run was interrupted before this job ended")
        return JobResult(
            key=self.key,
            outcome=outcome,
            attempts=self.attempts,
            hub_run_id=self.hub_run_id,
            why=self.why,
            parent_run_id=self.parent_run_id,
            orphaned=self.orphaned,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class CompileEntry:
    """How far a run's conversion of the plan's model `model` is logged on the hub: a job's way, begun at concluded.

    `refused` is why there is no hub run, "" where there is one or may still be.
    """

    run_id: str
    model: str
    state: JobState = JobState.CONCLUDED
    version: int = 0
    hub_run_id: str = ""
    artifacts: tuple[SavedArtifact, ...] = ()
    refused: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunEntry:
    """A run's row: everything needed to go on with it, as it was when it began. `folder` holds its files.

    `converted` are the models that take the place of the plan's on some devices, `controls` the old models of its
    cells, both as they were when it began. `calibration`: so many sessions each cell gets, whatever the gates say; 0
    where it is none. Of a run that has ended `gates` are the
    verdicts, `alerts` those of its cells, and `seen` is the stamp of the last change of what it was judged by
    (history/stamp.py).
    """

    run: Run
    plan: Plan
    models: tuple[Model, ...]
    devices: tuple[Device, ...]
    cells: tuple[Cell, ...]
    folder: Path
    command: str
    notices: tuple[str, ...] = ()
    controls: tuple[OldModel, ...] = ()
    converted: tuple[ConvertedModel, ...] = ()
    calibration: int = 0
    gates: tuple[GateResult, ...] = ()
    alerts: tuple[Alert, ...] = ()
    seen: int | None = None

    @property
    def files(self) -> tuple[Model, ...]:
        """The plan's models, and what they were converted to."""
        return (*self.models, *(found.model for found in self.converted if found.model))

    def model(self, name: str) -> Model:
        """The model of that name. Raises KeyError."""
        return {model.name: model for model in self.models}[name]

    def old_model(self, cell: Cell) -> OldModel | None:
        """What the cell is to be compared with beside it, if it was accepted before."""
        return next((old for old in self.controls if cell in old.cells), None)

    def converted_for(self, cell: Cell) -> ConvertedModel | None:
        """What takes the place of the plan's model in the cell, if anything does."""
        return next((found for found in self.converted if found.serves(cell)), None)

    def model_in(self, cell: Cell) -> Model:
        """The model that a cell measures: the plan's, or what it was converted to. Raises KeyError."""
        converted = self.converted_for(cell)
        return converted.model if converted and converted.model else self.model(cell.model)

    def model_of(self, key: JobKey) -> Model:
        """The model that a job measures: its cell's, or the old one. Raises KeyError."""
        old = self.old_model(key.cell) if key.control else None
        return old.model if old else self.model_in(key.cell)

    def file_of(self, key: JobKey) -> MeasuredFile:
        """Which file a job's numbers are of. Raises KeyError."""
        old = self.old_model(key.cell) if key.control else None
        if old:
            return measured_file(old.model, old.converted)
        return measured_file(self.model(key.cell.model), self.converted_for(key.cell))

    def device(self, name: str) -> Device:
        """The device of that name. Raises KeyError."""
        return {device.name: device for device in self.devices}[name]

    def params(self, cell: Cell) -> dict[str, str]:
        """The flags of one cell, as the plan gives them."""
        entry = next(entry for entry in self.plan.models if entry.name == cell.model)
        variant = next(variant for variant in self.plan.variants if variant.name == cell.variant)
        return self.plan.params_for(entry, variant)

    def compiles(self) -> tuple[CompileEntry, ...]:
        """All conversions, unlogged."""
        return tuple(CompileEntry(run_id=self.run.id, model=converted.name) for converted in self.converted)

    def jobs(self) -> tuple[JobEntry, ...]:
        """All jobs of the first session, unstarted."""
        is_always = self.plan.baseline.control == "always"
        beside = {cell for old in self.controls if is_always and not old.unusable for cell in old.cells}
        return self.session_jobs(dict.fromkeys(self.cells, 1), beside=beside)

    def session_jobs(
        self, numbers: Mapping[Cell, int], why: Mapping[Cell, str] | None = None, *, beside: Collection[Cell] = ()
    ) -> tuple[JobEntry, ...]:
        """The jobs of one session of each cell, by its number: the cells interleaved, so that drift falls on all.

        `why` says of each cell what makes it worth measuring once more. Those in `beside` have the old model beside
        them, first after the new one, then before it, and so on in turn.
        """
        repeats = self.plan.repeats
        keys = (
            JobKey(cell=cell, repeat=repeat, control=control)
            for place in range(1, repeats + 1)
            for cell, number in numbers.items()
            for repeat in [(number - 1) * repeats + place]
            for control in _in_turn(repeat, cell in beside)
        )
        return tuple(self._unstarted(key, (why or {}).get(key.cell, "")) for key in keys)

    def _unstarted(self, key: JobKey, why: str) -> JobEntry:
        """The job before it begins, or over already where there is no file to measure."""
        job = JobEntry(run_id=self.run.id, key=key, why=why)
        converted = self.converted_for(key.cell)
        if converted is None or not converted.failure:
            return job
        failed = Failed(kind=FailureKind.CONVERSION, reason=converted.failure)
        return replace(job, state=JobState.DONE, outcome=failed)


def _in_turn(repeat: int, has_control: bool) -> tuple[bool, ...]:
    if not has_control:
        return (False,)
    return (False, True) if repeat % 2 else (True, False)
