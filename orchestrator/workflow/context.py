"""What all jobs of a run share."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestrator.client.cloud import Cloud
from orchestrator.domain.durations import Durations
from orchestrator.domain.event import JobMoved, Listener, Notice
from orchestrator.domain.job import JobKey, StateChange
from orchestrator.domain.journal import JobEntry, JobState, RunEntry
from orchestrator.domain.naming import file_slug
from orchestrator.history.journal import Journal
from orchestrator.workflow.on_cloud import OnCloud
from orchestrator.workflow.pace import Pace
from orchestrator.workflow.quota import Quota
from orchestrator.workflow.raw_files import OwnDisk, RawFiles


@dataclass(frozen=True, kw_only=True)
class Context:
    """One run's surroundings.

    `durations_s` is what whole attempts of this run took that measured something; `durations` is what is known of
    the devices' part in it, from this run and those before. `alone` keeps other processes from what it names, which
    `compiling` does within this one.
    """

    entry: RunEntry
    project_id: str
    cloud: Cloud
    journal: Journal
    listen: Listener
    pace: Pace
    quota: Quota
    raw_files: RawFiles = field(default_factory=OwnDisk)
    alone: Callable[[str], AbstractAsyncContextManager[None]] = lambda what: nullcontext()
    compiling: asyncio.Lock = field(default_factory=asyncio.Lock)
    on_cloud: OnCloud = field(default_factory=OnCloud)
    durations: Durations = field(default_factory=Durations)
    durations_s: list[float] = field(default_factory=list)
    _latest: dict[JobKey, JobEntry] = field(default_factory=dict)

    async def move(self, job: JobEntry, state: JobState, *, detail: str = "", **change: Any) -> JobEntry:
        """Journals the job's next state together with what changed, and tells the listener."""
        return await self._record(replace(job, state=state, **change), state.value, detail)

    async def see(self, job: JobEntry, status: str, *, is_active: bool = False) -> JobEntry:
        """Journals a status of the cloud's that was not seen before; the job's own state stays."""
        begun_at = job.begun_at or (self.pace.now() if is_active else None)
        return await self._record(replace(job, begun_at=begun_at), status, "")

    async def keep(self, job: JobEntry, **change: Any) -> JobEntry:
        """Journals a change that is no new state."""
        return await self._write(replace(job, **change))

    def latest(self, job: JobEntry) -> JobEntry:
        """The job as it was last written: where a step failed half way, further on than the step began."""
        return self._latest.get(job.key, job)

    def forget(self, key: JobKey) -> None:
        """Nobody will ask for this job again."""
        self._latest.pop(key, None)

    def notice(self, text: str) -> None:
        """Tells the listener what belongs to no change of state."""
        self.listen(Notice(text=text, at=self.pace.now()))

    def attempt_folder(self, job: JobEntry) -> Path:
        """Where the current attempt's raw files go."""
        cell, key = job.key.cell, job.key
        repeat = f"{key.repeat}-{key.role}" if key.control else str(key.repeat)
        name = file_slug(cell.model, cell.device, cell.variant, repeat)
        return self.entry.folder / "artifacts" / name / f"attempt-{job.attempt}"

    async def _record(self, job: JobEntry, state: str, detail: str) -> JobEntry:
        at = self.pace.now()
        job = await self._write(replace(job, changes=(*job.changes, StateChange(state=state, at=at))))
        moved = JobMoved(key=job.key, state=state, at=at, attempt=job.attempt, job_id=job.job_id, detail=detail)
        self.listen(moved)
        return job

    async def _write(self, job: JobEntry) -> JobEntry:
        self._latest[job.key] = written = await self.journal.move(job)
        if written.state is JobState.DONE:
            del self._latest[job.key]  # nothing fails any more, and there may be many
        return written
