"""`bench attach`: a run's live table from anywhere."""

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from orchestrator.cli.home import database_url
from orchestrator.cli.stored import LATEST, journalled_report, latest_run_id
from orchestrator.domain.run import Run, RunState
from orchestrator.errors import Interrupted

if TYPE_CHECKING:
    from orchestrator.domain.journal import RunEntry
    from orchestrator.history.journal import Journal


@click.command("attach")
@click.argument("run_id", metavar="RUN", default=LATEST)
@click.option("-q", "--quiet", is_flag=True, help="No progress, only how it ends.")
@click.option("-v", "--verbose", is_flag=True, help="More progress.")
def command(run_id: str, quiet: bool, verbose: bool) -> int:
    """Follow RUN (default: the latest) until it ends, and exit as it does. Ctrl-C leaves; the run goes on."""
    return asyncio.run(_attach(run_id, quiet=quiet, verbose=verbose))


async def _attach(run_id: str, *, quiet: bool, verbose: bool) -> int:
    from orchestrator.history.journal import open_journal
    from orchestrator.presentation.console import print_report
    from orchestrator.presentation.write import write_reports

    async with open_journal(database_url()) as journal:
        entry = await journal.run(await latest_run_id(journal) if run_id == LATEST else run_id)
        run = await _follow(entry, journal, quiet=quiet, verbose=verbose)
        report, folder = await journalled_report(await journal.run(entry.run.id), journal)
    await asyncio.to_thread(write_reports, report, folder)
    print_report(report, folder, stream=sys.stdout)
    if run.state is RunState.INTERRUPTED:
        click.echo(f"run {run.id} is not finished; go on with: bench resume {run.id}", err=True)
    return run.exit_code or 0


async def _follow(entry: "RunEntry", journal: "Journal", *, quiet: bool, verbose: bool) -> Run:
    from orchestrator.cli.carry_out import stop_on_signals
    from orchestrator.presentation.progress import progress_listener
    from orchestrator.workers.follow import follow
    from orchestrator.workflow.pace import Pace

    pace, run_id = Pace(), entry.run.id
    progress = progress_listener(is_terminal=sys.stderr.isatty(), quiet=quiet, verbose=verbose, stream=sys.stderr)
    try:
        with stop_on_signals(pace, ""), progress as listen:
            return await follow(entry, journal, listen, pace)
    except Interrupted:
        message = f"left; run {run_id} goes on: bench attach {run_id}"
        raise Interrupted(message) from None
