"""`bench resume`: go on with an interrupted run."""

import asyncio
from typing import TYPE_CHECKING

import click

from orchestrator.cli.home import database_url
from orchestrator.cli.kept import open_kept_models
from orchestrator.cli.stored import latest_run_id
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.run import RunState
from orchestrator.errors import ModelError, NotStored

if TYPE_CHECKING:
    from orchestrator.history.journal import Journal


@click.command("resume")
@click.argument("run_id", metavar="RUN", required=False)
@click.option("--notify", is_flag=True, help="Tell those whom the plan names what is news to them.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option("-v", "--verbose", is_flag=True, help="More progress.")
def command(run_id: str | None, notify: bool, quiet: bool, verbose: bool) -> int:
    """Go on with RUN (default: the latest) where things stand. A run that has ended is left as it is."""
    return asyncio.run(_resume(run_id, notify=notify, quiet=quiet, verbose=verbose))


async def _resume(run_id: str | None, *, notify: bool, quiet: bool, verbose: bool) -> int:
    from orchestrator.cli.detach import resume_detached
    from orchestrator.cli.tell import telling
    from orchestrator.history.journal import open_journal

    async with open_journal(database_url()) as journal:
        entry = await journal.run(run_id or await latest_run_id(journal))
        if entry.run.state is RunState.COMPLETED:
            click.echo(f"run {entry.run.id} has ended; nothing to resume", err=True)
            return entry.run.exit_code or 0
        if entry.run.detached:
            await resume_detached(entry)
            return 0
        work = _go_on(entry, journal, quiet=quiet, verbose=verbose)
        return await (telling(entry.plan, work, entry.run.id) if notify else work)


async def _go_on(entry: RunEntry, journal: "Journal", *, quiet: bool, verbose: bool) -> int:
    from orchestrator.cli.calibrate import carry_out_calibration
    from orchestrator.cli.carry_out import carry_out
    from orchestrator.cli.connect import connect
    from orchestrator.cli.converting import mend_conversions

    await mend_conversions(entry, quiet=quiet)
    await asyncio.to_thread(_check_models, entry)
    await _bring_old_models(entry)
    async with connect(entry.run.cloud, entry.plan.local) as cloud:
        if entry.calibration:
            return await carry_out_calibration(entry, cloud, journal, as_json=False, quiet=quiet, verbose=verbose)
        return await carry_out(entry, cloud, journal, quiet=quiet, verbose=verbose)


async def _bring_old_models(entry: RunEntry) -> None:
    """Those that stand beside the plan's models lie here again; one that cannot leaves its jobs without results."""
    olds = [old for old in entry.controls if not old.is_same and not old.unusable]
    if not olds:
        return
    kept = await open_kept_models()
    for old in olds:
        try:
            await kept.here(old.model)
        except NotStored as error:
            click.echo(f"{old} cannot be run any more: {error}", err=True)


def _check_models(entry: RunEntry) -> None:
    """The jobs still to come must measure the same files as those before."""
    from orchestrator.inputs.model_file import model_sha256

    changed = []
    for model in entry.files:
        try:
            now = model_sha256(model.path, model.external_files)
        except OSError as error:
            changed.append(f"{model.path}: cannot be read any more ({error.strerror})")
            continue
        if now != model.sha256:
            changed.append(f"{model.path}: has changed since the run began (was {model.sha256[:12]}, is {now[:12]})")
    if changed:
        raise ModelError("\n".join([*changed, "put the files back, or start a new run"]))
