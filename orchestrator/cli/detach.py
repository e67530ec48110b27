"""What `run`, `resume` and `cancel` do with runs that workers carry out."""

from typing import TYPE_CHECKING

import click

from orchestrator.cli.connect import LOCAL
from orchestrator.cli.home import database_url, home, shared_store_url
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.domain.journal import RunEntry


def check_detachable(cloud: str) -> None:
    """Raises UsageError where other machines do not reach the cloud, the database or the store."""
    from orchestrator.history.engine import conninfo

    if cloud == LOCAL:
        message = (
            "a detached run needs a cloud that every worker reaches, and 'local' is in this process: "
            "start 'bench cloud serve', and name its address with --cloud"
        )
        raise UsageError(message)
    conninfo(database_url())
    shared_store_url()


async def begin_detached(entry: "RunEntry") -> None:
    """Journals the run, puts its first jobs on the queue, and says how to follow it."""
    from orchestrator.cli.shared import open_shared
    from orchestrator.workers.detached import begin
    from orchestrator.workflow.evidence import check_pinned
    from orchestrator.workflow.kept_models import KeptModels
    from orchestrator.workflow.old_models import needs_old_models, with_old_models

    async with open_shared() as shared:
        kept = KeptModels(shared.store, home() / "models")
        await check_pinned(entry.plan, shared.journal.baselines)
        if needs_old_models(entry.plan):
            entry = await with_old_models(entry, shared.journal, kept)
        await begin(entry, shared.journal, shared.queue, kept)
    _say_with_workers(entry)


async def resume_detached(entry: "RunEntry") -> None:
    """Puts what is unfinished back on the queue."""
    from orchestrator.cli.shared import open_shared
    from orchestrator.workers.detached import put_back

    async with open_shared() as shared:
        await put_back(entry, shared.journal, shared.queue)
    _say_with_workers(entry)


async def cancel_detached(entry: "RunEntry") -> None:
    """Takes what is unfinished from the workers; they close it on the hub and report it."""
    from orchestrator.cli.shared import open_shared
    from orchestrator.workers.detached import cancel
    from orchestrator.workflow.pace import Pace

    async with open_shared() as shared:
        await cancel(entry, shared.journal, shared.queue, Pace())
    _say_with_workers(entry)


def _say_with_workers(entry: "RunEntry") -> None:
    run_id = entry.run.id
    click.echo(run_id)
    click.echo(f"run {run_id} is with the workers; follow it with: bench attach {run_id}", err=True)
