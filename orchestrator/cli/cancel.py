"""`bench cancel`: end an interrupted run that nobody wants any more."""

import asyncio

import click

from orchestrator.cli.home import database_url
from orchestrator.domain.run import RunState


@click.command("cancel")
@click.argument("run_id", metavar="RUN")
def command(run_id: str) -> None:
    """End RUN: its unfinished jobs are cancelled, and what was begun is KILLED on the hub.

    A job that already runs on a device cannot be stopped there; its results are no longer looked at.
    """
    asyncio.run(_cancel(run_id))


async def _cancel(run_id: str) -> None:
    from orchestrator.cli.carry_out import carry_out
    from orchestrator.cli.connect import connect
    from orchestrator.cli.detach import cancel_detached
    from orchestrator.history.journal import open_journal
    from orchestrator.workflow.benchmark import cancel

    async with open_journal(database_url()) as journal:
        entry = await journal.run(run_id)
        if entry.run.state is RunState.COMPLETED:
            click.echo(f"run {entry.run.id} has ended; nothing to cancel", err=True)
            return
        if entry.run.detached:
            await cancel_detached(entry)
            return
        async with connect(entry.run.cloud) as cloud:
            await carry_out(entry, cloud, journal, quiet=True, verbose=False, drive=cancel)
