"""`bench calibrate`: how much a farm scatters when nothing changes, and which tolerances it can hold."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from orchestrator.cli.home import DEFAULT_REPORTS, database_url
from orchestrator.domain.plan import Plan
from orchestrator.domain.report import Report

if TYPE_CHECKING:
    from orchestrator.client.cloud import Cloud
    from orchestrator.domain.journal import RunEntry
    from orchestrator.history.journal import Journal


@click.command("calibrate")
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--sessions", type=click.IntRange(5, 100), default=8, show_default=True, help="Sessions of each cell.")
@click.option("--cloud", help="Where to run: local, hub or a URL; over the plan's.")
@click.option("--output", type=click.Path(path_type=Path), default=DEFAULT_REPORTS, help="Folder for the reports.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option("-v", "--verbose", is_flag=True, help="More progress.")
def command(
    plan_path: Path, sessions: int, cloud: str | None, output: Path, as_json: bool, quiet: bool, verbose: bool
) -> int:
    """Measure each model of PLAN beside itself and propose the tightest tolerances this farm can hold.

    It takes twice SESSIONS times the jobs of one run, in turn. Later runs know from them how much a device scatters
    when an old model runs beside a new one.
    """
    from orchestrator.cli.prepare import read_plan

    plan = replace(read_plan(plan_path, cloud=cloud), gates=())
    return asyncio.run(_calibrate(plan, output, sessions, as_json=as_json, quiet=quiet, verbose=verbose))


async def _calibrate(plan: Plan, output: Path, sessions: int, *, as_json: bool, quiet: bool, verbose: bool) -> int:
    from orchestrator.cli.connect import connect
    from orchestrator.cli.kept import open_kept_models
    from orchestrator.cli.prepare import new_run, prepare
    from orchestrator.history.journal import open_journal
    from orchestrator.workflow.old_models import beside_itself

    async with connect(plan.cloud, plan.local) as cloud, open_journal(database_url()) as journal:
        run = new_run(await prepare(plan, cloud, quiet=quiet), output)
        entry = await beside_itself(run, await open_kept_models(), sessions=sessions)
        await journal.begin(entry)
        return await carry_out_calibration(entry, cloud, journal, as_json=as_json, quiet=quiet, verbose=verbose)


async def carry_out_calibration(
    entry: "RunEntry", cloud: "Cloud", journal: "Journal", *, as_json: bool, quiet: bool, verbose: bool
) -> int:
    """Drives a journalled calibration, new or resumed, and shows what it found; the exit code."""
    from orchestrator.cli.carry_out import carry_out
    from orchestrator.presentation.calibration_table import calibrations_as_json, print_calibrations
    from orchestrator.workflow.evidence import calibrations

    code = await carry_out(entry, cloud, journal, quiet=quiet, verbose=verbose, show=_say_nothing)
    sessions_of = await journal.baselines.of_run(entry.run.id)
    pairs = await journal.baselines.pairs.of_run(entry.run.id)
    found = calibrations(sessions_of, pairs, entry.plan.gating.statistic)
    if as_json:
        click.echo(calibrations_as_json(found))
    else:
        print_calibrations(found, stream=sys.stdout)
    return code


def _say_nothing(report: Report, folder: Path, *, stream: TextIO) -> None:
    """The calibration is what is shown."""
