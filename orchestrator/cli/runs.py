"""`bench runs`: what has been run here."""

import asyncio
import sys

import click

from orchestrator.cli.home import database_url
from orchestrator.domain.run import Run


@click.command("runs")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(limit: int, as_json: bool) -> None:
    """List the runs, newest first."""
    from orchestrator.presentation.console import print_runs
    from orchestrator.presentation.listing import runs_as_json

    runs = asyncio.run(_runs(limit))
    if as_json:
        click.echo(runs_as_json(runs))
    else:
        print_runs(runs, stream=sys.stdout)


async def _runs(limit: int) -> tuple[Run, ...]:
    from orchestrator.history.journal import open_journal

    async with open_journal(database_url()) as journal:
        return await journal.runs(limit)
