"""`bench history`: cells over time."""

import sys
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from orchestrator.cli.awaited import awaited
from orchestrator.cli.home import database_url
from orchestrator.domain.cell import Cell, CellPattern
from orchestrator.domain.measurement import METRICS

if TYPE_CHECKING:
    from orchestrator.domain.trend import Trend


@click.command("history")
@click.option("--model", default="*", help="A glob.")
@click.option("--device", default="*", help="A glob.")
@click.option("--variant", default="*", help="A glob.")
@click.option("--project", help="Only this project.")
@click.option("--metric", type=click.Choice(list(METRICS)), default="latency_p50_ms", show_default=True)
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=90, show_default=True, help="The newest so many sessions."
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(model: str, device: str, variant: str, project: str | None, metric: str, limit: int, as_json: bool) -> None:
    """Show how cells went over time: each session's number, what is usual, and where it changed for good."""
    pattern = CellPattern(model=model, device=device, variant=variant)
    trends = awaited(_trends(pattern, project, metric, limit))
    if as_json:
        from orchestrator.presentation.history_json import history_as_json

        click.echo(history_as_json(trends))
    else:
        from orchestrator.presentation.history_table import print_history

        print_history(trends, stream=sys.stdout)


async def _trends(pattern: CellPattern, project: str | None, metric: str, limit: int) -> "list[Trend]":
    from orchestrator.domain.trend import trend_of
    from orchestrator.history.journal import open_journal

    now, cells_of = datetime.now(UTC), defaultdict[str, list[Cell]](list)
    async with open_journal(database_url()) as journal:
        for name, cell in await journal.baselines.cells(project):
            if pattern.matches(cell):
                cells_of[name].append(cell)
        kept = {name: await journal.baselines.past(name, cells, now, limit=limit) for name, cells in cells_of.items()}
    found = (trend_of(name, cell, metric, past) for name, cells in kept.items() for cell, past in cells.items())
    return [trend for trend in found if trend.points]
