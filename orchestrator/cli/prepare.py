"""What `check` and `run` do first: read the plan, look into the models, ask the cloud for its devices."""

import asyncio
import shlex
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestrator import __version__
from orchestrator.cli.converting import converted_models
from orchestrator.cli.home import kept_plans
from orchestrator.cli.phone_tool import check_phone_tool
from orchestrator.client.cloud import Cloud
from orchestrator.domain.conversion import ConvertedModel
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.model import Model
from orchestrator.domain.plan import ModelEntry, Plan, schedule_of
from orchestrator.domain.run import Run, new_run_id
from orchestrator.errors import ModelError
from orchestrator.inputs.last_good_plan import load_last_good
from orchestrator.inputs.model_file import inspect_model
from orchestrator.inputs.plan_file import load_plan
from orchestrator.presentation.text import duration
from orchestrator.workflow.targets import Targets, resolve_targets

INSPECTED_AT_ONCE = 2
LATE_S = 120.0  # a run that begins later than this after its scheduled time says so


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Everything checked; nothing submitted."""

    plan: Plan
    models: tuple[Model, ...]
    targets: Targets
    converted: tuple[ConvertedModel, ...] = ()


def new_run(
    prepared: Prepared, output: Path, *, notices: tuple[str, ...] = (), tick: datetime | None = None
) -> RunEntry:
    """A run of what was prepared, not journalled yet; its files will lie in a folder of its own in `output`."""
    plan, now = prepared.plan, datetime.now(UTC)
    run = Run(
        id=new_run_id(now),
        plan=plan.name,
        project=plan.project,
        cloud=plan.cloud,
        started_at=now,
        plan_sha256=plan.sha256,
        tool_version=__version__,
        tick=tick,
    )
    return RunEntry(
        run=run,
        plan=plan,
        models=prepared.models,
        devices=prepared.targets.devices,
        cells=prepared.targets.cells,
        folder=output.absolute() / run.id,
        command=shlex.join(["bench", *sys.argv[1:]]),
        converted=prepared.converted,
        notices=notices,
    )


def read_plan(path: Path, *, cloud: str | None = None, repeats: int | None = None) -> Plan:
    """The plan with what the command line says over it."""
    plan = load_plan(path)
    return replace(plan, cloud=cloud or plan.cloud, repeats=repeats or plan.repeats)


def read_scheduled_plan(path: Path, tick: datetime) -> tuple[Plan, tuple[str, ...]]:
    """The plan for a run at a scheduled time, as it last was good, and what its report should say of that."""
    found, notices = load_last_good(path, kept_plans()), []
    if found.broken:
        notices.append(f"the plan's file is broken, its last good text was used: {found.broken}")
    late_s = (datetime.now(UTC) - tick).total_seconds()
    if late_s > LATE_S:
        due = tick.astimezone(ZoneInfo(schedule_of(found.plan).timezone))
        notices.append(f"scheduled for {due:%Y-%m-%d %H:%M %Z}, begun {duration(late_s)} late")
    return found.plan, tuple(notices)


async def prepare(plan: Plan, cloud: Cloud, *, quiet: bool = False) -> Prepared:
    """Checks models and targets, and converts what has to be. Unless `quiet`, stderr hears of what takes time.

    Raises UsageError with everything that is wrong, CloudError without a cloud.
    """
    models = await inspect_models(plan)
    targets = resolve_targets(plan, await cloud.device_cloud.devices())
    check_phone_tool(plan, targets.devices)
    converted = await converted_models(plan, models, targets, quiet=quiet)
    return Prepared(plan=plan, models=models, targets=targets, converted=converted)


async def inspect_models(plan: Plan) -> tuple[Model, ...]:
    """All models of the plan. Raises ModelError that names every broken one."""
    at_once = asyncio.Semaphore(INSPECTED_AT_ONCE)

    async def inspect(entry: ModelEntry) -> Model:
        async with at_once:
            return await asyncio.to_thread(inspect_model, entry.name, entry.path, inputs=entry.inputs)

    found = await asyncio.gather(*(inspect(entry) for entry in plan.models), return_exceptions=True)
    for unexpected in (error for error in found if isinstance(error, BaseException)):
        if not isinstance(unexpected, ModelError):
            raise unexpected
    if errors := [str(error) for error in found if isinstance(error, ModelError)]:
        raise ModelError("\n".join(errors))
    return tuple(model for model in found if isinstance(model, Model))
