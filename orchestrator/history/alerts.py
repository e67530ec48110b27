"""Alerts: found by runs, acknowledged or accepted by people. Each step of an alert's life is a row that stays."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from orchestrator.domain.alert import Alert, AlertState
from orchestrator.domain.cell import Cell
from orchestrator.errors import UsageError
from orchestrator.history.document import Document
from orchestrator.history.outage import outage_proof
from orchestrator.history.schema import ALERT, FRESH_START
from orchestrator.history.stamp import NOW, next_stamp

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Move = Callable[[Alert], Alert]

_ALERT = Document(Alert)


@outage_proof
class Alerts:
    """Reads and writes alerts."""

    def __init__(self, engine: "AsyncEngine") -> None:
        self._engine = engine

    async def all(
        self, project: str | None = None, cells: Collection[Cell] | None = None, *, until: int = NOW
    ) -> tuple[Alert, ...]:
        """The alerts as they stood at a stamp, oldest first."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(read_alerts, project, cells, until=until)

    async def steps(self, alert_id: str) -> tuple[Alert, ...]:
        """An alert's life, as it stood after each step. Its id may be cut short while it is still one alert's.

        Raises UsageError where there is no such alert.
        """
        async with self._engine.connect() as connection:
            return await _steps(connection, alert_id)

    async def move(self, alert_id: str, move: Move) -> Alert:
        """An alert's next step. Raises UsageError where there is no such alert, or `move` raises ValueError.

        An accepted change is where the baseline of its cell begins anew.
        """
        async with self._engine.begin() as connection:
            stamp = await next_stamp(connection)
            alert = (await _steps(connection, alert_id))[-1]
            try:
                moved = move(alert)
            except ValueError as error:
                raise UsageError(str(error)) from None
            await write_alerts(connection, [moved], stamp)
            if moved.state is AlertState.ACCEPTED:
                await begin_anew(connection, moved.project, {moved.cell: moved.began}, stamp, accepted=True)
        return moved

    async def keep(
        self, project: str, *, opened: Iterable[Alert], moves: Mapping[str, Move], anew: Mapping[Cell, datetime]
    ) -> None:
        """Writes what the end of a run showed, in one transaction: new alerts, what became of others, improvements.

        An alert that another process opened or closed in the meantime stays as that process left it.
        """
        opened = list(opened)
        if not opened and not moves and not anew:
            return
        async with self._engine.begin() as connection:
            stamp = await next_stamp(connection)
            there = {alert.id: alert for alert in await connection.run_sync(read_alerts, project)}
            new = [alert for alert in opened if not any(known.is_same_change(alert) for known in there.values())]
            moved = [move(there[alert_id]) for alert_id, move in moves.items() if alert_id in there]
            changed = [alert for alert in moved if alert != there[alert.id] and not there[alert.id].state.is_over]
            await write_alerts(connection, [*new, *changed], stamp)
            await begin_anew(connection, project, anew, stamp, accepted=False)


def read_alerts(
    connection: sa.Connection,
    project: str | None = None,
    cells: Collection[Cell] | None = None,
    *,
    until: int = NOW,
) -> tuple[Alert, ...]:
    """The alerts of a project's cells as they stood at a stamp, oldest first; None stands for all."""
    query = sa.select(ALERT.c.id, ALERT.c.entry).where(ALERT.c.stamp <= until).order_by(ALERT.c.stamp)
    if project is not None:
        query = query.where(ALERT.c.project == project)
    newest = {row.id: _ALERT.read(row.entry) for row in connection.execute(query)}
    wanted = None if cells is None else frozenset(cells)
    found = (alert for alert in newest.values() if wanted is None or alert.cell in wanted)
    return tuple(sorted(found, key=lambda alert: alert.since))


async def write_alerts(connection: "AsyncConnection", alerts: Iterable[Alert], stamp: int) -> None:
    """Writes how alerts stand from a stamp on."""
    if rows := [_row(alert, stamp) for alert in alerts]:
        await connection.execute(ALERT.insert(), rows)


async def begin_anew(
    connection: "AsyncConnection", project: str, since: Mapping[Cell, datetime], stamp: int, *, accepted: bool
) -> None:
    """Writes where the baselines of cells begin anew: with an accepted change, or with an improvement."""
    common = {"project": project, "stamp": stamp, "accepted": accepted}
    rows = [{**common, **_names(cell), "since": at.astimezone(UTC)} for cell, at in since.items()]
    if rows:
        await connection.execute(FRESH_START.insert(), rows)


async def _steps(connection: "AsyncConnection", alert_id: str) -> tuple[Alert, ...]:
    query = sa.select(ALERT.c.id, ALERT.c.entry).order_by(ALERT.c.stamp)
    rows = [*await connection.execute(query.where(ALERT.c.id.startswith(alert_id.lower(), autoescape=True)))]
    ids = {row.id for row in rows}
    if len(ids) != 1 or not alert_id:
        several = f"several alerts begin with {alert_id!r}: {', '.join(sorted(ids)[:5])}"
        message = several if ids and alert_id else f"there is no alert {alert_id!r} here ('bench alerts' lists them)"
        raise UsageError(message)
    return tuple(_ALERT.read(row.entry) for row in rows)


def _names(cell: Cell) -> dict[str, str]:
    return {"model": cell.model, "device": cell.device, "variant": cell.variant}


def _row(alert: Alert, stamp: int) -> dict[str, Any]:
    entry = _ALERT.write(alert)
    return {"id": alert.id, "stamp": stamp, "project": alert.project, **_names(alert.cell), "entry": entry}
