"""`bench check`: all that can be known without spending device minutes."""

import os
import sys
from pathlib import Path

import click

from orchestrator.cli.awaited import awaited
from orchestrator.domain.plan import Plan


@click.command("check")
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--cloud", help="local, hub or a URL; over the plan's.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(plan_path: Path, cloud: str | None, as_json: bool) -> None:
    """Check PLAN, its models, its devices and its cells; submit nothing."""
    from orchestrator.cli.prepare import Prepared, prepare, read_plan
    from orchestrator.presentation.conversion_words import conversion_notices
    from orchestrator.presentation.listing import check_as_json
    from orchestrator.presentation.tables import print_check

    plan = read_plan(plan_path, cloud=cloud)

    async def check() -> Prepared:
        from orchestrator.cli.connect import connect

        async with connect(plan.cloud, plan.local) as opened:
            return await prepare(plan, opened)

    found = awaited(check())
    notices = untold(plan)
    cells, devices = found.targets.cells, found.targets.devices
    if as_json:
        click.echo(check_as_json(plan, found.models, cells, devices, notices, found.converted))
    else:
        told = (*conversion_notices(found.converted), *notices)
        print_check(plan, found.models, cells, devices, stream=sys.stdout, notices=told)


def untold(plan: Plan) -> tuple[str, ...]:
    """Whom of those that the plan names this environment could not tell anything."""
    from orchestrator.notification.target import needed_variables

    missing = [name for name in needed_variables(entry.to for entry in plan.notify) if not os.environ.get(name)]
    return tuple(f"'notify' needs {name}, which is not set in this environment" for name in missing)
