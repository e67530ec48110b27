"""Tells people of a run, however it ends, where `--notify` asks for it. What goes wrong here changes no result."""

import os
from collections.abc import Awaitable, Callable

import click

from orchestrator.cli.home import database_url
from orchestrator.domain.news import Situation, did_not_end, situation_of
from orchestrator.domain.plan import Plan
from orchestrator.domain.run import RunState
from orchestrator.errors import BenchError, Interrupted, RunBusy
from orchestrator.history.journal import AlreadyBegun, Journal, open_journal
from orchestrator.notification.notify import notify
from orchestrator.notification.target import REPORT_VARIABLE
from orchestrator.workflow.reports import read_report

Say = Callable[[str], None]


async def telling(plan: Plan, work: Awaitable[int], run_id: str = "") -> int:
    """The exit code of `work`, the plan's run of that id or its newest, once those who should know of it were told.

    One that somebody stopped, or that another process has, is not news.
    """
    try:
        code = await work
    except (Interrupted, RunBusy, AlreadyBegun):
        raise
    except Exception as error:
        reason = str(error) if isinstance(error, BenchError) else "a bug in bench"
        await tell_people(plan, reason, run_id=run_id)
        raise
    await tell_people(plan, run_id=run_id)
    return code


async def tell_people(plan: Plan, reason: str = "", *, run_id: str = "", say: Say | None = None) -> None:
    """Tells those whom the plan names what is news after the run of that id, or its newest.

    `reason` says why it did not end, where it did not. `say` hears who was told of what, and who could not be.
    """
    say = say or (lambda text: click.echo(text, err=True))
    if not plan.notify:
        return
    try:
        async with open_journal(database_url()) as journal:
            situation, report = await _situation(journal, plan, reason, run_id)
            await notify(plan, situation, journal.news, report=report, environ=os.environ, say=say)
    except BenchError as error:
        say(f"nobody could be told of this run: {error}")


async def _situation(journal: Journal, plan: Plan, reason: str, run_id: str) -> tuple[Situation, str]:
    """How things stand, and where the report of that is."""
    if reason:
        return did_not_end(reason, run_id), ""
    if not run_id:
        newest = await journal.newest(plan.name)
        assert newest  # for it ended
        run_id = newest.id
    entry = await journal.run(run_id)
    if entry.run.state is not RunState.COMPLETED:
        return did_not_end(f"bench resume {run_id} goes on with it", run_id), ""
    base = os.environ.get(REPORT_VARIABLE, "").strip().rstrip("/")
    place = f"{base}/{run_id}/report.html" if base else str(entry.folder / "report.html")
    return situation_of(await read_report(entry, journal)), place
