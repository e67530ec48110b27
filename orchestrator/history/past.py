"""All that is kept of many cells, for trends: read for all of them at once, and of each night no more than is drawn."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.domain.alert import Alert
from orchestrator.domain.cell import Cell
from orchestrator.domain.past import Past
from orchestrator.domain.session import Session
from orchestrator.history.document import Document
from orchestrator.history.schema import FRESH_START, SESSION

CELLS_AT_ONCE = 500
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
_CELL = ("model", "device", "variant")


@dataclass(frozen=True, kw_only=True)
class _Night:
    """A session without what is large and nothing is drawn from: its reasons and its layers' compute units."""

    cell: Cell
    run_id: str
    at: datetime
    planned: int
    values: Mapping[str, tuple[float, ...]]
    missing: tuple[str, ...] = ()
    context: Mapping[str, str]
    profiled: bool = False


_NIGHT = Document(_Night)


@dataclass(frozen=True, kw_only=True)
class _Start:
    """Where a baseline began anew, with which change."""

    since: datetime
    stamp: int
    accepted: bool


async def read_past(
    connection: AsyncConnection,
    project: str,
    cells: Collection[Cell],
    now: datetime,
    limit: int,
    alerts: Iterable[Alert],
    names: Mapping[str, str],
) -> Mapping[Cell, Past]:
    """The newest nights of each cell, the first session of each run, and what became of them."""
    starts = await _starts(connection, project, now)
    alerts_of = defaultdict[Cell, list[Alert]](list)
    for alert in alerts:
        alerts_of[alert.cell].append(alert)
    found: dict[Cell, Past] = {}
    asked = list(cells)
    for first in range(0, len(asked), CELLS_AT_ONCE):
        some = asked[first : first + CELLS_AT_ONCE]
        nights: dict[Cell, list[tuple[Session, bool, int]]] = {cell: [] for cell in some}
        newest = _newest_nights(project, some, limit, is_sqlite=connection.dialect.name == "sqlite")
        for entry, accepted, stamp in await connection.execute(newest):
            session = Session(**vars(_NIGHT.read(entry)))
            nights[session.cell].append((session, accepted, stamp))
        found |= {cell: _past(rows[-limit:], starts[cell], alerts_of[cell], names) for cell, rows in nights.items()}
    return found


def _past(
    nights: Sequence[tuple[Session, bool, int]],
    starts: Sequence[_Start],
    alerts: Sequence[Alert],
    names: Mapping[str, str],
) -> Past:
    """Which of a cell's nights the rolling baseline may take: as `Baselines.rolling` asks the database."""
    since = max((start.since for start in starts), default=_LONG_AGO)
    accepted_until = max((start.stamp for start in starts if start.accepted), default=-1)
    counting = (
        session.run_id
        for session, accepted, stamp in nights
        if session.at >= since
        and (accepted or stamp <= accepted_until)
        and not any(alert.takes_out(session.cell, session.at) for alert in alerts)
    )
    return Past(
        sessions=tuple(session for session, _, _ in nights),
        counting=frozenset(counting),
        starts={start.since: start.accepted for start in starts},
        alerts=tuple(alerts),
        names=names,
    )


async def _starts(connection: AsyncConnection, project: str, now: datetime) -> Mapping[Cell, list[_Start]]:
    of_project = (FRESH_START.c.project == project) & (FRESH_START.c.since <= now.astimezone(UTC))
    found = defaultdict[Cell, list[_Start]](list)
    for row in await connection.execute(sa.select(FRESH_START).where(of_project).order_by(FRESH_START.c.stamp)):
        start = _Start(since=as_utc(row.since), stamp=row.stamp, accepted=row.accepted)
        found[Cell(model=row.model, device=row.device, variant=row.variant)].append(start)
    return found


def as_utc(moment: datetime) -> datetime:
    """A stored time; SQLite gives it back without its zone."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _newest_nights(project: str, cells: Iterable[Cell], limit: int, *, is_sqlite: bool) -> sa.Select[Any]:
    """Each cell's newest nights, looked up in the index cell by cell, oldest first.

    PostgreSQL would rather read the whole table, were it not told that they are `lateral`, which SQLite does not know.
    """
    rows = [(cell.model, cell.device, cell.variant) for cell in cells]
    asked = sa.values(*(sa.column(name, sa.String) for name in _CELL), name="asked").data(rows).cte("asked")
    night = SESSION.alias("night")
    of_cell = (night.c.project == project) & sa.and_(*(night.c[name] == asked.c[name] for name in _CELL))
    newest = sa.select(night).where(of_cell & (night.c.number == 1)).order_by(night.c.at.desc())
    if not is_sqlite:
        found = newest.limit(limit).lateral("found")
        return _columns(found.c).select_from(asked.join(found, sa.true())).order_by(found.c.at)
    oldest = newest.with_only_columns(night.c.at).limit(1).offset(limit - 1).correlate(asked)
    begin = sa.select(asked, oldest.scalar_subquery().label("begin")).cte("begin")
    is_asked = (SESSION.c.project == project) & sa.and_(*(SESSION.c[name] == begin.c[name] for name in _CELL))
    is_newest = SESSION.c.at >= sa.func.coalesce(begin.c.begin, sa.literal(_LONG_AGO, SESSION.c.at.type))
    nights = _columns(SESSION.c).join(begin, is_asked & is_newest)
    return nights.where(SESSION.c.number == 1).order_by(SESSION.c.at)


def _columns(of: Any) -> sa.Select[Any]:
    return sa.select(of.entry, of.accepted, of.stamp)
