"""`bench baseline`: named runs, and changes that are wanted."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from orchestrator.cli.awaited import awaited
from orchestrator.cli.home import database_url
from orchestrator.cli.said import said, user_name
from orchestrator.history.journal import Journal, open_journal

T = TypeVar("T")


@click.group("baseline")
def command() -> None:
    """Runs with names, for `pinned` in a plan; and changes that are wanted."""


@command.command("set")
@click.argument("name")
@click.argument("run_id", metavar="RUN")
def set_command(name: str, run_id: str) -> None:
    """Call RUN by NAME, in place of the run that was called so."""
    _with_journal(lambda journal: journal.baselines.set_name(name, run_id))
    click.echo(f"{name} is run {run_id}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_command(as_json: bool) -> None:
    """List the names and their runs."""
    names = _with_journal(lambda journal: journal.baselines.names())
    if as_json:
        click.echo(json.dumps(dict(names), indent=1))
        return
    for name, run_id in names.items():
        click.echo(f"{name}  {run_id}")
    if not names:
        click.echo("no run has a name; 'bench baseline set NAME RUN' gives one", err=True)


@command.command("show")
@click.argument("name")
def show_command(name: str) -> None:
    """Show the run that is called NAME."""
    from orchestrator.cli.stored import stored_report
    from orchestrator.errors import UsageError
    from orchestrator.presentation.console import print_report

    names = _with_journal(lambda journal: journal.baselines.names())
    if name not in names:
        message = f"no run is called {name!r} ('bench baseline list' lists the names)"
        raise UsageError(message)
    report, folder = awaited(stored_report(names[name]))
    print_report(report, folder, stream=sys.stdout)


@command.command("remove")
@click.argument("name")
def remove_command(name: str) -> None:
    """Take NAME away; the run stays."""
    _with_journal(lambda journal: journal.baselines.remove_name(name))
    click.echo(f"{name} is removed")


@command.command("accept")
@click.argument("run_id", metavar="RUN")
@click.option("--reason", default="", help="Why it is wanted; for those who see it later.")
@click.option("--who", default=user_name, help="Who says so; default: you.")
def accept_command(run_id: str, reason: str, who: str) -> None:
    """The change that RUN shows is wanted: the rolling baseline of its cells begins anew with it.

    So do the alerts of its cells end: they are accepted.
    """
    from orchestrator.errors import UsageError

    now, who, reason = datetime.now(UTC), said("who", who), said("reason", reason) if reason else ""
    count, alerts = _with_journal(lambda journal: journal.baselines.accept(run_id, who=who, reason=reason, now=now))
    if not count:
        message = f"run {run_id!r} has no sessions to begin a baseline with ('bench runs' lists the runs)"
        raise UsageError(message)
    click.echo(f"the baseline of {count} cell{'' if count == 1 else 's'} begins anew with run {run_id}")
    for alert in alerts:
        click.echo(f"alert {alert.id} is accepted: {alert.metric} of {alert.cell}")


@command.command("prune")
def prune_command() -> None:
    """Remove from the store the models that no run can ask for any more.

    Kept are those of named and of unfinished runs, and what each cell was last accepted with.
    """
    from orchestrator.presentation.text import plural

    removed = asyncio.run(_prune())
    for sha256 in removed:
        click.echo(sha256)
    click.echo(f"{plural(len(removed), 'model')} removed from the store", err=True)


async def _prune() -> tuple[str, ...]:
    from orchestrator.cli.kept import open_kept_models
    from orchestrator.workflow.old_models import needed_models

    kept = await open_kept_models()
    async with open_journal(database_url()) as journal:
        return await kept.prune(await needed_models(journal, datetime.now(UTC)))


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--project", help="Only this project.")
@click.option("--plan", "plan_path", type=click.Path(path_type=Path), help="Only the runs of this plan.")
def export_command(file: Path, project: str | None, plan_path: Path | None) -> None:
    """Write what runs are judged by to FILE (.json, or .json.gz), for a database elsewhere.

    That is sessions, named runs, accepted changes and alerts.
    """
    from orchestrator.history.exported import write_exported
    from orchestrator.inputs.plan_file import load_plan
    from orchestrator.presentation.text import plural

    plan, now = load_plan(plan_path) if plan_path else None, datetime.now(UTC)
    project = project or (plan.project if plan else None)
    found = _with_journal(
        lambda journal: journal.exchange.gather(now=now, project=project, plan=plan.name if plan else None)
    )
    write_exported(found, file)
    click.echo(f"{file}: {plural(len(found.sessions), 'session')}")
    if not found.sessions:
        click.echo("no session is kept here that fits; 'bench history' shows what is", err=True)


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def import_command(file: Path) -> None:
    """Bring in FILE of `bench baseline export`, so that runs here are judged by what was measured elsewhere.

    What is here already stays; bringing in the same again changes nothing.
    """
    from orchestrator.history.exported import read_exported
    from orchestrator.presentation.text import plural

    exported = read_exported(file)
    written = _with_journal(lambda journal: journal.exchange.merge(exported))
    new = [plural(count, kind) for kind, count in written.items() if count]
    click.echo(f"{file}: {', '.join(new) or 'nothing new'}")


def _with_journal(ask: Callable[[Journal], Awaitable[T]]) -> T:
    async def inside() -> T:
        async with open_journal(database_url()) as journal:
            return await ask(journal)

    return awaited(inside())
