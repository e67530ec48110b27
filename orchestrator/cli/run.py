"""`bench run`: the whole job."""

import asyncio
import sys
from pathlib import Path

import click

from orchestrator.cli.home import DEFAULT_REPORTS, database_url
from orchestrator.domain.plan import Plan


@click.command("run")
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--cloud", help="Where to run: local, hub or a URL; over the plan's.")
@click.option("--repeats", type=click.IntRange(1, 1000), help="Jobs of each cell; over the plan's.")
@click.option("--output", type=click.Path(path_type=Path), default=DEFAULT_REPORTS, help="Folder for the reports.")
@click.option("--dry-run", is_flag=True, help="Stop after the check.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option("-v", "--verbose", is_flag=True, help="More progress.")
def command(
    plan_path: Path, cloud: str | None, repeats: int | None, output: Path, dry_run: bool, quiet: bool, verbose: bool
) -> int:
    """Measure what PLAN asks for on its device cloud, and report it."""
    from orchestrator.cli.prepare import read_plan

    plan = read_plan(plan_path, cloud=cloud, repeats=repeats)
    return asyncio.run(_run(plan, output, dry_run=dry_run, quiet=quiet, verbose=verbose))


async def _run(plan: Plan, output: Path, *, dry_run: bool, quiet: bool, verbose: bool) -> int:
    from orchestrator.cli.carry_out import carry_out
    from orchestrator.cli.check import not_acted_on
    from orchestrator.cli.connect import connect
    from orchestrator.cli.prepare import Prepared, new_run, prepare
    from orchestrator.history.journal import open_journal
    from orchestrator.presentation.console import print_check
    from orchestrator.workflow.evidence import check_pinned

    async with connect(plan.cloud) as cloud:
        prepared: Prepared = await prepare(plan, cloud)
        notices = not_acted_on(plan)
        if dry_run:
            targets = prepared.targets
            print_check(plan, prepared.models, targets.cells, targets.devices, stream=sys.stdout, notices=notices)
            return 0
        entry = new_run(prepared, output, notices=notices)
        async with open_journal(database_url()) as journal:
            await check_pinned(plan, journal.baselines)
            await journal.begin(entry)
            return await carry_out(entry, cloud, journal, quiet=quiet, verbose=verbose)
