"""`bench report`: render a run's reports again, offline."""

import asyncio
from pathlib import Path

import click

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

    report, folder = asyncio.run(stored_report(run))
    if form == "all":
        for path in write_reports(report, output or folder):
            click.echo(str(path))
    elif output:
        click.echo(str(write_text(output, rendered(report, form, folder))))
    else:
        click.echo(rendered(report, form, folder), nl=False)
