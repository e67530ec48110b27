"""Logging a concluded job on the hub: one PROFILE run with tags, raw files, and one last PATCH with everything else."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from orchestrator.domain.journal import JobEntry, JobState, SavedArtifact
from orchestrator.domain.outcome import Failed, FailureKind, Measured
from orchestrator.errors import AnswerLost, CloudError, KeyRefused, Refused
from orchestrator.workflow.context import Context
from orchestrator.workflow.raw_files import RESULTS_ARCHIVE

ARTIFACT_TRIES = 2


async def track(context: Context, job: JobEntry) -> JobEntry:
    """Drives a concluded job to done. Raises CloudError where the hub cannot be written to; the outcome is safe."""
    steps: dict[JobState, Callable[[Context, JobEntry], Awaitable[JobEntry]]] = {
        JobState.CONCLUDED: _intend,
        JobState.LOGGING: _create_run,
        JobState.LOGGED: _tag,
        JobState.TAGGED: partial(_complete, may_be_complete=job.state is JobState.TAGGED),
    }
    while job.state is not JobState.DONE:
        context.pace.check()
        job = await steps[job.state](context, job)
    return job


async def _intend(context: Context, job: JobEntry) -> JobEntry:
    return await _create_run(context, await context.move(job, JobState.LOGGING))


async def _create_run(context: Context, job: JobEntry) -> JobEntry:
    """Creates the run. A lost answer may leave one behind that is never tagged; only the tagged one counts."""
    started_at = job.attempts[0].started_at if job.attempts else context.pace.now()
    for left in (1, 0):
        try:
            run_id = await context.cloud.hub.create_run(context.project_id, name=str(job.key), started_at=started_at)
            break
        except AnswerLost:
            if not left:
                raise
    return await context.move(job, JobState.LOGGED, hub_run_id=run_id)


async def _tag(context: Context, job: JobEntry) -> JobEntry:
    entry, cell = context.entry, job.key.cell
    tags = {
        **entry.plan.tags,
        "bench_run": entry.run.id,
        "plan": entry.plan.name,
        "model": cell.model,
        "model_sha256": entry.model_of(job.key).sha256,
        "role": job.key.role,
        "device": cell.device,
        "variant": cell.variant,
        "repeat": str(job.key.repeat),
    }
    for name, value in tags.items():
        await context.cloud.hub.tag(context.project_id, job.hub_run_id, name, value)
    return await context.move(job, JobState.TAGGED)


async def _complete(context: Context, job: JobEntry, *, may_be_complete: bool) -> JobEntry:
    """Everything measured goes in the one request that also ends the run: it is there whole, or not at all.

    A run that was tagged before this process came to it may be complete, and is looked at first.
    """
    await context.raw_files.bring(job)
    for file in _files_to_save(job):
        job = await _save_artifact(context, job, file)
    hub, entry = context.cloud.hub, context.entry
    if not (may_be_complete and await hub.is_complete(context.project_id, job.hub_run_id)):
        await hub.complete(
            context.project_id,
            job.hub_run_id,
            status=_status(job),
            ended_at=job.attempts[-1].ended_at if job.attempts else context.pace.now(),
            measurement=job.outcome.measurement if isinstance(job.outcome, Measured) else None,
            params={**entry.params(job.key.cell), **_failure_params(job)},
            device=job.key.cell.device,
        )
    return await context.move(job, JobState.DONE)


def _files_to_save(job: JobEntry) -> tuple[str, ...]:
    """The last attempt's raw files, unpacked; the archive they came in only where nothing could be unpacked."""
    files = job.attempts[-1].files if job.attempts else ()
    return tuple(file for file in files if not file.endswith(RESULTS_ARCHIVE)) or files


async def _save_artifact(context: Context, job: JobEntry, file: str) -> JobEntry:
    """Uploads one raw file, if it is not there yet. One that cannot be uploaded is said and holds nothing up."""
    for left in reversed(range(ARTIFACT_TRIES)):
        if any(artifact.file == file and artifact.uploaded for artifact in job.artifacts):
            return job
        try:
            job = await _announce(context, job, file)
        except Refused as refusal:
            context.notice(f"{file} is not saved on the hub: {refusal}")
            return job
        except OSError as error:
            context.notice(f"{file} is not saved on the hub: {error.strerror or 'it cannot be read'}")
            return job
        job, failure = await _send(context, job, file)
        if failure and not left:
            context.notice(f"{file} is not saved on the hub: {failure}")
    return job


async def _announce(context: Context, job: JobEntry, file: str) -> JobEntry:
    if any(artifact.file == file for artifact in job.artifacts):
        return job
    path = context.entry.folder / file
    size_bytes = (await asyncio.to_thread(path.stat)).st_size
    artifact_id = await context.cloud.hub.create_artifact(job.hub_run_id, path.name, size_bytes)
    return await context.keep(job, artifacts=(*job.artifacts, SavedArtifact(file=file, artifact_id=artifact_id)))


async def _send(context: Context, job: JobEntry, file: str) -> tuple[JobEntry, CloudError | None]:
    """Transfers an announced file and settles it on the hub: uploaded, or failed and to be announced anew."""
    hub = context.cloud.hub
    artifact = next(artifact for artifact in job.artifacts if artifact.file == file)
    others = tuple(other for other in job.artifacts if other is not artifact)
    try:
        await context.pace.unless_stopped(hub.send_artifact(artifact.artifact_id, context.entry.folder / file))
    except KeyRefused:
        raise
    except CloudError as error:
        await hub.mark_artifact(artifact.artifact_id, uploaded=False)
        return await context.keep(job, artifacts=others), error
    await hub.mark_artifact(artifact.artifact_id, uploaded=True)
    return await context.keep(job, artifacts=(*others, replace(artifact, uploaded=True))), None


def _status(job: JobEntry) -> str:
    if isinstance(job.outcome, Measured):
        return "FINISHED"
    cancelled = isinstance(job.outcome, Failed) and job.outcome.kind is FailureKind.CANCELLED
    return "KILLED" if cancelled else "FAILED"


def _failure_params(job: JobEntry) -> dict[str, str]:
    if not isinstance(job.outcome, Failed):
        return {}
    return {"failure_kind": job.outcome.kind.value, "failure_reason": job.outcome.reason}
