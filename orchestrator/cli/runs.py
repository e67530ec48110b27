"""`bench runs`: what has been run here."""

import sys

import click

from orchestrator.cli.awaited import awaited
from orchestrator.cli.home import database_url
from orchestrator.domain.run import Run, RunState

Progress = dict[str, tuple[int, int]]


@click.command("runs")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(limit: int, as_json: bool) -> None:
    """List the runs, newest first."""
    runs, done = awaited(_runs(limit))
    if as_json:
        from orchestrator.presentation.listing import runs_as_json

        click.echo(runs_as_json(runs, done))
    else:
        from orchestrator.presentation.tables import print_runs

        print_runs(runs, done, stream=sys.stdout)


async def _runs(limit: int) -> tuple[tuple[Run, ...], Progress]:
    """The runs, and of those that have not ended how many jobs are done, of how many."""
    from orchestrator.history.journal import open_journal

    async with open_journal(database_url()) as journal:
        runs = await journal.runs(limit)
        return runs, await journal.done(run.id for run in runs if run.state is not RunState.COMPLETED)
