"""`bench gate`: a run's verdicts again, offline, from what is stored."""

import asyncio
import json
import sys
from pathlib import Path

import click

from orchestrator.cli.annotate import annotate
from orchestrator.cli.awaited import awaited
from orchestrator.cli.home import database_url
from orchestrator.cli.stored import LATEST, latest_run_id
from orchestrator.domain.report import Report


@click.command("gate")
@click.argument("run_id", metavar="RUN", default=LATEST)
@click.option("--plan", "plan_path", type=click.Path(path_type=Path), help="Judge by this plan's rules instead.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the run's results.json with these verdicts.")
def command(run_id: str, plan_path: Path | None, as_json: bool) -> int:
    """Judge RUN (an id, or "latest") again and exit as `bench run` would have."""
    from orchestrator.presentation.gate_table import print_gates
    from orchestrator.presentation.json_report import to_json

    report = awaited(_judge(run_id, plan_path))
    if as_json:
        click.echo(json.dumps(to_json(report), indent=1))
    else:
        print_gates(report, stream=sys.stdout)
    annotate(report)
    return report.run.exit_code or 0


async def _judge(run_id: str, plan_path: Path | None) -> Report:
    from orchestrator.history.journal import open_journal
    from orchestrator.inputs.plan_file import load_plan
    from orchestrator.workflow.reports import judge_again

    async with open_journal(database_url()) as journal:
        entry = await journal.run(await latest_run_id(journal) if run_id == LATEST else run_id)
        plan = await asyncio.to_thread(load_plan, plan_path) if plan_path else entry.plan
        return await judge_again(entry, journal, plan)
