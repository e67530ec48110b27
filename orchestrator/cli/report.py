"""`bench report`: render a run's reports again, offline."""

import asyncio
from pathlib import Path

import click

from orchestrator.cli.stored import LATEST, stored_report


@click.command("report")
@click.argument("run", default=LATEST)
@click.option("--output", type=click.Path(path_type=Path), help="Folder to write to; default: the run's own.")
def command(run: str, output: Path | None) -> None:
    """Write the reports of RUN (an id, a run's folder, or "latest") again, from what is stored."""
    from orchestrator.presentation.write import write_reports

    report, folder = asyncio.run(stored_report(run))
    for path in write_reports(report, output or folder):
        click.echo(str(path))
