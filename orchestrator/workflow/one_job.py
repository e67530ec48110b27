"""The way of one job until its outcome is known: a state machine over its journalled entry.

Each state has one step: read the entry, act, write the entry. Entering again at any state is safe, so that a run
and its resumption are the same call. No engine is in sight.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

from orchestrator.client.cloud import build_bundle, read_outcome
from orchestrator.client.device_cloud import Upload
from orchestrator.domain.device import Device
from orchestrator.domain.job import JobKey
from orchestrator.domain.journal import JobEntry, JobState
from orchestrator.domain.outcome import Failed, FailureKind, Measured, Outcome
from orchestrator.domain.secret import Secret
from orchestrator.errors import (
    AnswerLost,
    CloudError,
    KeyRefused,
    QuotaExceeded,
    Refused,
    StorageRefused,
    TransferBroken,
)
from orchestrator.workflow.context import Context
from orchestrator.workflow.pace import to_its_end
from orchestrator.workflow.raw_files import RESULTS_ARCHIVE
from orchestrator.workflow.watching import watch, watch_for_lost_job

SHORTEST_RECONCILE_S = 60.0
FETCHES = 3
JOB_QUOTA = "job_quota_exceeded"


async def prepare(context: Context, job: JobEntry) -> JobEntry:
    """Drives a job until its bundle is on the cloud, so that it can be submitted at once. Raises as `measure`."""
    return await _drive(context, job, lambda state: not state.needs_upload)


async def measure(context: Context, job: JobEntry) -> JobEntry:
    """Drives a job to its outcome, over as many attempts as the limits allow. Raises KeyRefused and Interrupted."""
    job = replace(job, begun_at=None)  # whoever takes a job up did not see all of its time on the device
    try:
        return await _drive(context, job, lambda state: state.has_outcome)
    finally:
        _leave(context, job.key)


async def _drive(context: Context, job: JobEntry, is_there: Callable[[JobState], bool]) -> JobEntry:
    driver = _Driver(context)
    while not is_there(job.state):
        context.pace.check()
        job = await driver.step(job)
    return job


def _leave(context: Context, key: JobKey) -> None:
    """This job no longer counts as one of ours on the cloud."""
    context.on_cloud.leave(key)
    context.quota.left(key)


class _Driver:
    """One job's steps. What must not be journalled (signed URLs) is remembered here and asked for again if lost."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._cloud = context.cloud.device_cloud
        self._upload: Upload | None = None
        self._results_url: Secret | None = None
        self._steps: dict[JobState, Callable[[JobEntry], Awaitable[JobEntry]]] = {
            JobState.PLANNED: self._reserve,
            JobState.RESERVED: self._create_upload,
            JobState.UPLOAD_CREATED: self._send_bundle,
            JobState.UPLOADED: self._submit,
            JobState.SUBMITTING: self._reconcile,
            JobState.SUBMITTED: self._watch,
        }

    async def step(self, job: JobEntry) -> JobEntry:
        """One step on; a cloud that fails becomes the attempt's outcome, a refused key ends the run."""
        try:
            return await self._steps[job.state](job)
        except KeyRefused:
            raise
        except CloudError as error:
            job = self._context.latest(job)
            return await self._conclude(job, _failure(job.state, error), final=isinstance(error, Refused))

    async def _reserve(self, job: JobEntry) -> JobEntry:
        if job.attempt > 1:
            await self._context.pace.sleep(self._context.entry.plan.limits.poll_interval_s)
        started_at = self._context.pace.now()
        reservation = await self._context.pace.unless_stopped(self._cloud.reserve_download())
        self._results_url = reservation.url
        return await self._context.move(job, JobState.RESERVED, started_at=started_at, download_id=reservation.id)

    async def _create_upload(self, job: JobEntry) -> JobEntry:
        platform = self._device(job).platform
        self._upload = await self._context.pace.unless_stopped(self._cloud.create_upload(platform))
        return await self._context.move(job, JobState.UPLOAD_CREATED, upload_id=self._upload.id)

    async def _send_bundle(self, job: JobEntry) -> JobEntry:
        if self._upload is None or self._upload.id != job.upload_id:
            return await self._create_upload(job)
        notes = await self._context.pace.unless_stopped(self._build_and_send(job, self._upload))
        return await self._context.move(job, JobState.UPLOADED, notes=(*job.notes, *notes))

    async def _build_and_send(self, job: JobEntry, upload: Upload) -> tuple[str, ...]:
        entry, cell = self._context.entry, job.key.cell
        if self._results_url is None:
            self._results_url = (await self._cloud.download(job.download_id)).url
        folder = self._context.attempt_folder(job)
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        bundle = folder / "bundle.zip"
        try:
            notes = await asyncio.to_thread(
                build_bundle,
                entry.model_of(job.key),
                entry.params(cell),
                downloads_url=self._results_url,
                platform=self._device(job).platform,
                to=bundle,
            )
            await self._cloud.send_bundle(upload, bundle)
        finally:
            await asyncio.to_thread(bundle.unlink, missing_ok=True)
        return notes

    async def _submit(self, job: JobEntry) -> JobEntry:
        await self._context.quota.turn()
        return await self._post(job)

    async def _post(self, job: JobEntry, *, notes: tuple[str, ...] = (), detail: str = "") -> JobEntry:
        """Submits, once: another job's end, or a stop, waits for the answer."""
        try:
            return await to_its_end(self._sent(replace(job, notes=(*job.notes, *notes)), detail))
        except AnswerLost:
            job, note = self._context.latest(job), "the answer to the submission was lost"
            return await self._reconcile(replace(job, notes=(*job.notes, note)))
        except QuotaExceeded as error:
            if error.code != JOB_QUOTA:
                raise
            return await self._wait_for_quota(self._context.latest(job))

    async def _sent(self, job: JobEntry, detail: str) -> JobEntry:
        """The intent is on disk before the request leaves; from there on the job may exist."""
        job = await self._context.move(job, JobState.SUBMITTING, detail=detail)
        job_id = await self._cloud.submit(job.upload_id, job.key.cell.device)
        return await self._context.move(job, JobState.SUBMITTED, job_id=job_id)

    async def _wait_for_quota(self, job: JobEntry) -> JobEntry:
        """The submission was refused for sure: it is tried again when there may be room."""
        job = await self._context.move(job, JobState.UPLOADED, detail="waiting for the cloud's job quota")
        limits, context = self._context.entry.plan.limits, self._context
        refused_since = next(change.at for change in job.changes if change.state == JobState.SUBMITTING)
        waited_s = (context.pace.now() - refused_since).total_seconds()
        if waited_s > limits.queue_timeout_s:
            reason = f"the cloud's job quota stayed used up for {waited_s:.0f} s"
            return await self._conclude(job, Failed(kind=FailureKind.QUOTA, reason=reason), final=True)
        await context.quota.refused()
        return job

    async def _reconcile(self, job: JobEntry) -> JobEntry:
        """The submission may have happened: its own download is watched before it is submitted again."""
        seconds = self._reconcile_s()
        job = await self._context.move(
            job, JobState.SUBMITTING, detail=f"watching {seconds:.0f} s for a job whose answer was lost"
        )
        self._context.on_cloud.enter(job.key)
        found = await watch_for_lost_job(self._context, job, seconds)
        self._context.on_cloud.leave(job.key)
        if found:
            return await self._fetch(replace(job, notes=(*job.notes, "found by its results")), found)
        note = f"nothing appeared within {seconds:.0f} s: submitted again on the same upload"
        return await self._post(job, notes=(note,), detail=note)

    def _reconcile_s(self) -> float:
        given = self._context.entry.plan.limits.reconcile_s
        usual = self._context.durations_s
        return given if given is not None else max(SHORTEST_RECONCILE_S, median(usual) if usual else 0.0)

    async def _watch(self, job: JobEntry) -> JobEntry:
        await self._context.quota.arrived(job.key)
        self._context.on_cloud.enter(job.key)
        watched = await watch(self._context, job)
        if isinstance(watched.found, Failed):
            return await self._conclude(watched.job, watched.found)
        return await self._fetch(watched.job, watched.found)

    async def _fetch(self, job: JobEntry, url: Secret) -> JobEntry:
        """Fetches the results; a broken transfer or an expired URL gets a fresh URL, a few times."""
        folder = self._context.attempt_folder(job)
        archive = folder / RESULTS_ARCHIVE
        for left in reversed(range(FETCHES)):
            try:
                await self._context.pace.unless_stopped(self._cloud.fetch_results(url, archive))
                break
            except (StorageRefused, TransferBroken):
                if not left:
                    raise
                url = (await self._cloud.download(job.download_id)).url
        job = await self._context.raw_files.keep(job, archive)
        model = self._context.entry.model_of(job.key)
        outcome = await asyncio.to_thread(read_outcome, archive, folder, model)
        files = await asyncio.to_thread(_raw_files, folder)
        relative = tuple(str(path.relative_to(self._context.entry.folder)) for path in files)
        return await self._conclude(replace(job, files=relative), outcome)

    async def _conclude(self, job: JobEntry, outcome: Outcome, *, final: bool = False) -> JobEntry:
        """Writes how the attempt ended, and in the same stroke whether there is to be another."""
        now = self._context.pace.now()
        _leave(self._context, job.key)
        job = job.concluded(outcome, now)
        if isinstance(outcome, Measured) and job.started_at:
            self._context.durations_s.append((now - job.started_at).total_seconds())
            self._context.durations.learn(job.key.cell, job.attempts[-1])
        if isinstance(outcome, Failed) and self._may_try_again(job, outcome, final):
            self._upload = self._results_url = None
            return await self._context.move(job.next_attempt(), JobState.PLANNED, detail=f"again: {outcome.reason}")
        return await self._context.move(job, JobState.CONCLUDED, detail=getattr(outcome, "reason", ""))

    def _may_try_again(self, job: JobEntry, failed: Failed, final: bool) -> bool:
        return not final and failed.kind.is_infrastructure and job.attempt <= self._context.entry.plan.limits.retries

    def _device(self, job: JobEntry) -> Device:
        return self._context.entry.device(job.key.cell.device)


def _raw_files(folder: Path) -> list[Path]:
    """The files below a folder without drafts, whose names begin with a dot: another task may be at the same job."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def _failure(state: JobState, error: CloudError) -> Failed:
    """The failure kind of a cloud error, by what it is and by the step it met."""
    if isinstance(error, QuotaExceeded):
        kind = FailureKind.QUOTA
    elif state in (JobState.RESERVED, JobState.UPLOAD_CREATED):
        kind = FailureKind.UPLOAD
    elif state in (JobState.UPLOADED, JobState.SUBMITTING) and isinstance(error, Refused):
        kind = FailureKind.DEVICE if error.status == 404 else FailureKind.MODEL_UNSUPPORTED
    else:
        kind = FailureKind.CLOUD
    return Failed(kind=kind, reason=str(error))
