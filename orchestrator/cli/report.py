"""`bench report`: render a run's reports again, offline."""

import asyncio
import os
from pathlib import Path

import click

from orchestrator.cli.awaited import awaited
from orchestrator.cli.home import database_url, store_url
from orchestrator.cli.stored import LATEST, stored_report

_FORMATS = ("all", "html", "json", "csv", "junit", "md", "text")


@click.command("report")
@click.argument("run", default=LATEST)
@click.option("--format", "form", type=click.Choice(_FORMATS), default="all", show_default=True, help="What to render.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write: a file, or with all formats a folder; default: stdout, or the run's own folder.",
)
def command(run: str, form: str, output: Path | None) -> None:
    """Render RUN (an id, a run's folder, or "latest") again, from what is stored."""
    from orchestrator.presentation.write import rendered, write_reports, write_text

    report, folder = awaited(stored_report(run))
    if form == "all":
        asyncio.run(_bring_raw_files(report.run.id, output or folder))
        for path in write_reports(report, output or folder):
            click.echo(str(path))
    elif output:
        click.echo(str(write_text(output, rendered(report, form, folder))))
    else:
        click.echo(rendered(report, form, folder), nl=False)


async def _bring_raw_files(run_id: str, folder: Path) -> None:
    """Of a run that workers carried out, fetches what they left in the store."""
    if not os.environ.get("BENCH_STORE_URL"):
        return
    from orchestrator.history.journal import open_journal
    from orchestrator.history.store import open_store
    from orchestrator.workers.shared_files import SharedFiles

    async with open_journal(database_url()) as journal:
        if run_id not in await journal.detached():
            return
        files = SharedFiles(run_id=run_id, folder=folder, store=await open_store(store_url(), os.environ))
        for job in await journal.jobs(run_id):
            await files.bring_all(job)
