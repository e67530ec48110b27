"""Conversions on the hub: a COMPILE run for each of a run's, which its PROFILE runs have as their parent.

It is logged by whoever comes to need it, once: in one process the first job, among workers whoever is alone at it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from orchestrator.domain.conversion import ConvertedModel
from orchestrator.domain.job import JobKey
from orchestrator.domain.journal import CompileEntry, JobState, SavedArtifact
from orchestrator.errors import Refused
from orchestrator.workflow.artifacts import Saving
from orchestrator.workflow.context import Context
from orchestrator.workflow.hub_runs import new_hub_run


async def parent_of(context: Context, key: JobKey) -> CompileEntry | None:
    """The logged conversion whose file the job measured, if it was converted in this run. Raises CloudError."""
    entry = context.entry
    converted = entry.converted_for(key.cell)
    if converted is None or converted.model is None or entry.model_of(key).sha256 != converted.model.sha256:
        return None
    return await _logged(context, converted)


async def log_conversions(context: Context) -> None:
    """Logs those that no job came to need. Raises CloudError."""
    for converted in context.entry.converted:
        await _logged(context, converted)


async def _logged(context: Context, converted: ConvertedModel) -> CompileEntry | None:
    """The conversion once it is on the hub; None of a run that knew of none when it began."""
    run_id, books = context.entry.run.id, context.journal.compiles
    async with context.compiling, context.alone(f"{run_id}-conversions"):
        entry = (await books.of_run(run_id)).get(converted.name)
        steps = _steps(entry.state) if entry else {}
        while entry and entry.state is not JobState.DONE:
            context.pace.check()
            entry = await steps[entry.state](context, converted, entry)
    return entry


_Step = Callable[[Context, ConvertedModel, CompileEntry], Awaitable[CompileEntry]]


def _steps(begun_at: JobState) -> dict[JobState, _Step]:
    return {
        JobState.CONCLUDED: _intend,
        JobState.LOGGING: _create_run,
        JobState.LOGGED: _tag,
        JobState.TAGGED: partial(_complete, may_be_complete=begun_at is JobState.TAGGED),
    }


async def _intend(context: Context, converted: ConvertedModel, entry: CompileEntry) -> CompileEntry:
    return await context.journal.compiles.move(replace(entry, state=JobState.LOGGING))


async def _create_run(context: Context, converted: ConvertedModel, entry: CompileEntry) -> CompileEntry:
    """A hub that takes no such run is told so, and keeps no PROFILE run from being logged."""
    move, name = context.journal.compiles.move, f"{converted.name} to TFLite"
    started_at = _ended_at(context, converted) - timedelta(seconds=converted.seconds)
    try:
        run_id = await new_hub_run(context, "COMPILE", name=name, started_at=started_at)
    except Refused as refusal:
        context.notice(f"the conversion of {converted.name} is not logged on the hub: {refusal}")
        return await move(replace(entry, state=JobState.DONE, refused=str(refusal)))
    return await move(replace(entry, state=JobState.LOGGED, hub_run_id=run_id))


def _ended_at(context: Context, converted: ConvertedModel) -> datetime:
    """When it was made, which may be before this run; where nothing was made, when the run began."""
    return converted.made_at or context.entry.run.started_at


async def _tag(context: Context, converted: ConvertedModel, entry: CompileEntry) -> CompileEntry:
    tags = {
        **context.entry.plan.tags,
        "bench_run": context.entry.run.id,
        "plan": context.entry.plan.name,
        "model": converted.name,
        "model_sha256": converted.source_sha256,
        **({"converted_sha256": converted.model.sha256} if converted.model else {}),
    }
    for name, value in tags.items():
        await context.cloud.hub.tag(context.project_id, entry.hub_run_id, name, value)
    return await context.journal.compiles.move(replace(entry, state=JobState.TAGGED))


async def _complete(
    context: Context, converted: ConvertedModel, entry: CompileEntry, *, may_be_complete: bool
) -> CompileEntry:
    """The file, and then all figures in the one request that also ends the run."""
    hub, compiles = context.cloud.hub, context.journal.compiles

    async def keep(of: CompileEntry, artifacts: tuple[SavedArtifact, ...]) -> CompileEntry:
        return await compiles.move(replace(of, artifacts=artifacts))

    if converted.model:
        name = f"{converted.name}.{converted.model.format}"
        saving = Saving(context=context, keep=keep)
        entry = await saving.save(entry, name, converted.model.path, name=name)
    if not (may_be_complete and await hub.is_complete(context.project_id, entry.hub_run_id)):
        await hub.complete(
            context.project_id,
            entry.hub_run_id,
            status="FAILED" if converted.failure else "FINISHED",
            ended_at=_ended_at(context, converted),
            metrics=compile_metrics(converted),
            params=compile_params(converted),
        )
    return await compiles.move(replace(entry, state=JobState.DONE))


def compile_metrics(converted: ConvertedModel) -> dict[str, float]:
    """Sizes, time and difference, as far as they are known; sizes in MB of 10^6 bytes, a share as a fraction."""
    told: dict[str, float | None] = {"source_size_mb": converted.source_size_bytes / 1e6}
    if converted.model:
        told |= {"converted_size_mb": converted.model.size_bytes / 1e6, "conversion_s": converted.seconds}
    if found := converted.difference:
        told |= {
            "difference_max_absolute": found.absolute,
            "difference_max_relative": found.relative,
            "difference_cosine": found.cosine,
        }
    return {name: value for name, value in told.items() if value is not None}


def compile_params(converted: ConvertedModel) -> dict[str, str]:
    """By what and how it was converted, and what was wrong."""
    told = {
        "tool": converted.converter.tool,
        "version": converted.converter.version,
        "options": " ".join(converted.converter.options),
        "converted_at": converted.made_at.isoformat() if converted.made_at else "",
        "beyond_tolerance": "; ".join(converted.beyond),
        "failure_reason": converted.failure,
    }
    return {name: value for name, value in told.items() if value}
