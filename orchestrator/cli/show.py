"""`bench show`: one run in the terminal."""

import json
import sys

import click

from orchestrator.cli.awaited import awaited
from orchestrator.cli.stored import LATEST, stored_report


@click.command("show")
@click.argument("run", default=LATEST)
@click.option("--json", "as_json", is_flag=True, help="For programs: the run's results.json.")
def command(run: str, as_json: bool) -> None:
    """Show RUN (an id, a run's folder, or "latest")."""
    from orchestrator.presentation.console import print_report
    from orchestrator.presentation.json_report import to_json

    report, folder = awaited(stored_report(run))
    if as_json:
        click.echo(json.dumps(to_json(report), indent=1))
    else:
        print_report(report, folder, stream=sys.stdout)
