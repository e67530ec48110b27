"""`bench run`: the whole job."""

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator.cli.home import DEFAULT_REPORTS, database_url
from orchestrator.domain.plan import Plan


def _tick(_context: click.Context, _parameter: click.Parameter, value: str | None) -> datetime | None:
    try:
        tick = datetime.fromisoformat(value) if value else None
    except ValueError:
        message = "expected a time such as 2026-11-27T02:00+01:00"
        raise click.BadParameter(message) from None
    if tick and tick.tzinfo is None:
        message = "the time needs its offset, such as 2026-11-27T02:00+01:00"
        raise click.BadParameter(message)
    return tick and tick.astimezone(UTC)


@click.command("run")
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--cloud", help="Where to run: local, hub or a URL; over the plan's.")
@click.option("--repeats", type=click.IntRange(1, 1000), help="Jobs of each cell; over the plan's.")
@click.option("--tick", metavar="TIME", callback=_tick, help="The scheduled time it is for: one run a plan and time.")
@click.option("--output", type=click.Path(path_type=Path), default=DEFAULT_REPORTS, help="Folder for the reports.")
@click.option("--detach", is_flag=True, help="Leave it to workers ('bench worker'), and end.")
@click.option("--notify", is_flag=True, help="Tell those whom the plan names what is news to them.")
@click.option("--dry-run", is_flag=True, help="Stop after the check.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option("-v", "--verbose", is_flag=True, help="More progress.")
def command(
    plan_path: Path,
    cloud: str | None,
    repeats: int | None,
    tick: datetime | None,
    output: Path,
    detach: bool,
    notify: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Measure what PLAN asks for on its device cloud, and report it."""
    from orchestrator.cli.prepare import read_plan, read_scheduled_plan
    from orchestrator.cli.tell import telling

    plan, notices = read_scheduled_plan(plan_path, tick) if tick else (read_plan(plan_path), ())
    plan = replace(plan, cloud=cloud or plan.cloud, repeats=repeats or plan.repeats)
    work = _run(
        plan, output, tick, notices, detach=detach, notify=notify, dry_run=dry_run, quiet=quiet, verbose=verbose
    )
    return asyncio.run(telling(plan, work) if notify and not dry_run and not detach else work)


async def _run(
    plan: Plan,
    output: Path,
    tick: datetime | None,
    notices: tuple[str, ...],
    *,
    detach: bool,
    notify: bool,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    from orchestrator.cli.carry_out import carry_out
    from orchestrator.cli.connect import connect
    from orchestrator.cli.detach import begin_detached, check_detachable
    from orchestrator.cli.kept import open_kept_models
    from orchestrator.cli.prepare import Prepared, new_run, prepare
    from orchestrator.history.journal import open_journal
    from orchestrator.presentation.conversion_words import conversion_notices
    from orchestrator.presentation.tables import print_check
    from orchestrator.workflow.evidence import check_pinned
    from orchestrator.workflow.old_models import needs_old_models, with_old_models

    if detach:
        check_detachable(plan.cloud)
    async with connect(plan.cloud, plan.local) as cloud:
        prepared: Prepared = await prepare(plan, cloud, quiet=quiet)
        if dry_run:
            targets = prepared.targets
            told = (*conversion_notices(prepared.converted), *notices)
            print_check(plan, prepared.models, targets.cells, targets.devices, stream=sys.stdout, notices=told)
            return 0
        entry = new_run(prepared, output, notices=notices, tick=tick)
        if detach:
            await begin_detached(replace(entry, run=replace(entry.run, notify=notify)))
            return 0
        async with open_journal(database_url()) as journal:
            await check_pinned(plan, journal.baselines)
            if needs_old_models(plan):
                entry = await with_old_models(entry, journal, await open_kept_models())
            await journal.begin(entry)
            return await carry_out(entry, cloud, journal, quiet=quiet, verbose=verbose)
