"""All that is kept of many cells, for trends: read for all of them at once, and of each night no more than is drawn
of one metric."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from orchestrator.domain.alert import Alert
from orchestrator.domain.cell import Cell
from orchestrator.domain.past import Past
from orchestrator.domain.session import Session
from orchestrator.history.alerts import read_alerts
from orchestrator.history.names import read_names
from orchestrator.history.newest_nights import newest_nights
from orchestrator.history.night import read_nights
from orchestrator.history.schema import FRESH_START, SESSION

_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class _Start:
    """Where a baseline began anew, with which change."""

    since: datetime
    stamp: int
    accepted: bool


def cells_by_project(connection: sa.Connection, project: str | None = None) -> Mapping[str, Mapping[Cell, int]]:
    """The cells that have sessions, of each project or of one, and how many."""
    columns = (SESSION.c.project, SESSION.c.model, SESSION.c.device, SESSION.c.variant)
    query = sa.select(*columns, sa.func.count().label("sessions")).group_by(*columns).order_by(*columns)
    found = defaultdict[str, dict[Cell, int]](dict)
    for row in connection.execute(query if project is None else query.where(columns[0] == project)):
        found[row.project][Cell(model=row.model, device=row.device, variant=row.variant)] = row.sessions
    return found


def read_past(
    connection: sa.Connection, project: str, cells: Collection[Cell], metric: str, now: datetime, *, limit: int
) -> Mapping[Cell, Past]:
    """What is kept of cells' metric: the newest nights, the first session of each run, and what became of them."""
    starts, names = _starts(connection, project, now), read_names(connection)
    alerts_of = defaultdict[Cell, list[Alert]](list)
    for alert in read_alerts(connection, project, cells):
        alerts_of[alert.cell].append(alert)
    query = newest_nights(project, cells, limit, is_sqlite=connection.dialect.name == "sqlite")
    rows = connection.execute(query).all()
    nights: dict[Cell, list[tuple[Session, bool, int]]] = {cell: [] for cell in cells}
    of_place = [(cell, nights[cell]) for cell in cells]
    told = read_nights([night for *_, night in rows], metric)
    for (place, run_id, at, accepted, stamp, _), night in zip(rows, told, strict=True):
        cell, of_cell = of_place[place]
        of_cell.append((Session(cell=cell, run_id=run_id, at=as_utc(at), **night), accepted, stamp))
    return {cell: _past(found[-limit:], starts[cell], alerts_of[cell], names) for cell, found in nights.items()}


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


def _starts(connection: sa.Connection, project: str, now: datetime) -> Mapping[Cell, list[_Start]]:
    of_project = (FRESH_START.c.project == project) & (FRESH_START.c.since <= now.astimezone(UTC))
    found = defaultdict[Cell, list[_Start]](list)
    for row in connection.execute(sa.select(FRESH_START).where(of_project).order_by(FRESH_START.c.stamp)):
        start = _Start(since=as_utc(row.since), stamp=row.stamp, accepted=row.accepted)
        found[Cell(model=row.model, device=row.device, variant=row.variant)].append(start)
    return found


def as_utc(moment: datetime) -> datetime:
    """A stored time; SQLite gives it back without its zone."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
