"""Logging a concluded job on the hub: one PROFILE run with tags, raw files, and one last PATCH with everything else."""

from collections.abc import Awaitable, Callable
from functools import partial

from orchestrator.domain.conversion import MeasuredFile
from orchestrator.domain.journal import JobEntry, JobState, SavedArtifact
from orchestrator.domain.outcome import Failed, FailureKind, Measured
from orchestrator.errors import Refused
from orchestrator.workflow.artifacts import Saving
from orchestrator.workflow.compiling import parent_of
from orchestrator.workflow.context import Context
from orchestrator.workflow.hub_runs import new_hub_run
from orchestrator.workflow.raw_files import RESULTS_ARCHIVE

INVALID_LINEAGE = "invalid_run_lineage"


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
    """Creates the run, below that of the conversion whose file was measured, where there is one."""
    started_at = job.attempts[0].started_at if job.attempts else context.pace.now()
    conversion = await parent_of(context, job.key)
    parent, orphaned = (conversion.hub_run_id, conversion.refused) if conversion else ("", "")
    create = partial(new_hub_run, context, "PROFILE", name=str(job.key), started_at=started_at)
    try:
        run_id = await create(parent=parent)
    except Refused as refusal:
        if not parent or refusal.code != INVALID_LINEAGE:
            raise
        context.notice(f"{job.key} is logged without its COMPILE run as its parent: {refusal}")
        run_id, orphaned = await create(), str(refusal)
    return await context.move(job, JobState.LOGGED, hub_run_id=run_id, parent_run_id=parent, orphaned=orphaned)


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
        **_origin(entry.file_of(job.key), job.parent_run_id),
    }
    for name, value in tags.items():
        await context.cloud.hub.tag(context.project_id, job.hub_run_id, name, value)
    return await context.move(job, JobState.TAGGED)


async def _complete(context: Context, job: JobEntry, *, may_be_complete: bool) -> JobEntry:
    """Everything measured goes in the one request that also ends the run: it is there whole, or not at all.

    A run that was tagged before this process came to it may be complete, and is looked at first.
    """
    await context.raw_files.bring(job)

    async def keep(of: JobEntry, artifacts: tuple[SavedArtifact, ...]) -> JobEntry:
        return await context.keep(of, artifacts=artifacts)

    saving = Saving(context=context, keep=keep)
    for file in _files_to_save(job):
        job = await saving.save(job, file, context.entry.folder / file)
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


def _origin(file: MeasuredFile, compile_run_id: str) -> dict[str, str]:
    """Of what was measured, where it was converted: by what, from which file, and the run that tells of it."""
    if not file.converted_by:
        return {}
    told = {"converted_by": file.converted_by, "source_sha256": file.source_sha256, "compile_run": compile_run_id}
    return {name: value for name, value in told.items() if value}


def _status(job: JobEntry) -> str:
    if isinstance(job.outcome, Measured):
        return "FINISHED"
    cancelled = isinstance(job.outcome, Failed) and job.outcome.kind is FailureKind.CANCELLED
    return "KILLED" if cancelled else "FAILED"


def _failure_params(job: JobEntry) -> dict[str, str]:
    if not isinstance(job.outcome, Failed):
        return {}
    return {"failure_kind": job.outcome.kind.value, "failure_reason": job.outcome.reason}
