"""`bench history`: cells over time."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

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
    trends = _trends(CellPattern(model=model, device=device, variant=variant), project, metric, limit, as_json)
    if as_json:
        from orchestrator.presentation.history_json import history_as_json

        click.echo(history_as_json(trends))
    else:
        from orchestrator.presentation.history_table import print_history

        print_history(trends, stream=sys.stdout)


def _trends(pattern: CellPattern, project: str | None, metric: str, limit: int, is_whole: bool) -> "list[Trend]":
    """The trends; of cells that are only listed and not drawn, no more is read than tells the same."""
    from orchestrator.domain.trend import MOST_USUAL, trend_of
    from orchestrator.history.database import open_connection
    from orchestrator.history.past import cells_by_project, read_past
    from orchestrator.presentation.history_table import MOST_DRAWN, SHOWN

    now, trends = datetime.now(UTC), list["Trend"]()
    with open_connection(database_url()) as connection:
        kept = {
            name: {cell: sessions for cell, sessions in cells.items() if pattern.matches(cell)}
            for name, cells in cells_by_project(connection, project).items()
        }
        is_list = not is_whole and sum(map(len, kept.values())) > MOST_DRAWN
        few = min(SHOWN, limit) if is_list else limit

        def read(name: str, cells: Iterable[Cell], newest: int) -> "dict[Cell, Trend]":
            found = read_past(connection, name, list(cells), metric, now, limit=newest)
            return {
                cell: trend_of(name, cell, metric, past, sessions=kept[name][cell], with_changes=not is_list)
                for cell, past in found.items()
            }

        for name, cells in kept.items():
            found = read(name, cells, few)
            short = [
                cell
                for cell, trend in found.items()
                if cells[cell] > few < limit and (len(trend.points) < few or trend.counting < MOST_USUAL)
            ]
            trends += {**found, **(read(name, short, limit) if short else {})}.values()
    return [trend for trend in trends if trend.points]
