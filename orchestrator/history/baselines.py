"""What later runs are compared with: the sessions of earlier ones, and runs that were given a name."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.domain.alert import Alert, AlertState, accept
from orchestrator.domain.cell import Cell
from orchestrator.domain.session import Session
from orchestrator.errors import UsageError
from orchestrator.history.alerts import Alerts, begin_anew, read_alerts, write_alerts
from orchestrator.history.asked import Asked
from orchestrator.history.document import Document
from orchestrator.history.names import read_names
from orchestrator.history.night import night_of
from orchestrator.history.outage import outage_proof
from orchestrator.history.pairs import Pairs
from orchestrator.history.past import as_utc, cells_by_project
from orchestrator.history.schema import FRESH_START, NAMED_RUN, RUN, SESSION
from orchestrator.history.stamp import NOW, last_stamp, next_stamp

_SESSION = Document(Session)

SessionsByCell = Mapping[Cell, tuple[Session, ...]]


@outage_proof
class Baselines:
    """Reads and writes sessions and names; `alerts` and `pairs` are in the same database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.alerts = Alerts(engine)
        self.pairs = Pairs(engine)

    async def last_stamp(self) -> int:
        """The stamp of all that there is now (stamp.py)."""
        async with self._engine.connect() as connection:
            return await last_stamp(connection)

    async def record(self, sessions: Iterable[Session], *, project: str, open_regressions: Collection[Cell]) -> None:
        """Keeps a run's sessions, in place of what was kept of them; those inside an open regression do not count.

        One that was kept as it is already stays from when it was.
        """
        rows = [session_row(session, project, session.cell not in open_regressions) for session in sessions]
        async with self._engine.begin() as connection:
            stamp = await next_stamp(connection)
            kept: dict[Any, int] = {}
            for run_id in {row["run_id"] for row in rows}:
                of_run = SESSION.c.run_id == run_id
                there = (await connection.execute(sa.select(SESSION).where(of_run))).mappings()
                kept |= {_sameness(row): row["stamp"] for row in there}
                await connection.execute(SESSION.delete().where(of_run))
            if rows:
                new = [{**row, "stamp": kept.get(_sameness(row), stamp)} for row in rows]
                await connection.execute(SESSION.insert(), new)

    async def rolling(self, asked: Asked, cells: Collection[Cell], *, limit: int) -> SessionsByCell:
        """The newest accepted sessions of each cell since its baseline last began anew, oldest first."""
        async with self._engine.connect() as connection:
            alerts = await connection.run_sync(read_alerts, asked.project, cells, until=asked.until)
            return {cell: await _rolling(connection, asked, cell, alerts, limit) for cell in cells}

    async def before_anew(self, asked: Asked, cells: Collection[Cell], *, limit: int) -> SessionsByCell:
        """What the rolling baselines were of those cells whose baseline has begun anew, just before it last did."""
        async with self._engine.connect() as connection:
            alerts = await connection.run_sync(read_alerts, asked.project, cells, until=asked.until)
            found: dict[Cell, tuple[Session, ...]] = {}
            for cell in cells:
                since, _ = await _fresh_start(connection, asked, cell)
                if since is not None:
                    found[cell] = await _rolling(connection, asked, cell, alerts, limit, before=since)
            return found

    async def since_anew(self, asked: Asked, cells: Collection[Cell], *, limit: int) -> SessionsByCell:
        """The newest first sessions of each cell, accepted or not, since its baseline last began anew."""
        async with self._engine.connect() as connection:
            return {cell: await _nights(connection, asked, cell, limit) for cell in cells}

    async def anew(self, asked: Asked, cells: Collection[Cell]) -> Mapping[Cell, datetime]:
        """Where the baselines of those cells that did so last began anew."""
        async with self._engine.connect() as connection:
            starts = {cell: (await _fresh_start(connection, asked, cell))[0] for cell in cells}
        return {cell: since for cell, since in starts.items() if since is not None}

    async def cells(self) -> Mapping[str, Collection[Cell]]:
        """Each project's cells that have sessions."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(cells_by_project)

    async def of_run(self, run_id: str) -> SessionsByCell:
        """The sessions of one run."""
        found: dict[Cell, list[Session]] = defaultdict(list)
        query = sa.select(SESSION.c.entry).where(SESSION.c.run_id == run_id).order_by(SESSION.c.number)
        async with self._engine.connect() as connection:
            for session in _read(await connection.execute(query)):
                found[session.cell].append(session)
        return {cell: tuple(sessions) for cell, sessions in found.items()}

    async def accept(self, run_id: str, *, who: str, reason: str, now: datetime) -> tuple[int, tuple[Alert, ...]]:
        """The change that a run shows is wanted: its cells' baselines begin anew with it.

        So are the alerts of its cells that began no later and are not over. How many cells it has, and these alerts.
        """
        async with self._engine.begin() as connection:
            stamp = await next_stamp(connection)
            of_run = (SESSION.c.run_id == run_id) & (SESSION.c.number == 1)
            rows = [*await connection.execute(sa.select(SESSION.c.project, SESSION.c.entry).where(of_run))]
            if not rows:
                return 0, ()
            project, began = rows[0].project, {found.cell: found.at for found in _read(rows)}
            alive = [
                found for found in await connection.run_sync(read_alerts, project, began) if not found.state.is_over
            ]
            shown = sorted(
                (alert for alert in alive if alert.began <= began[alert.cell]), key=lambda alert: alert.began
            )
            accepted = tuple(accept(alert, who=who, reason=reason, now=now) for alert in shown)
            await write_alerts(connection, accepted, stamp)
            began |= {alert.cell: alert.began for alert in accepted}
            await begin_anew(connection, project, began, stamp, accepted=True)
        return len(began), accepted

    async def set_name(self, name: str, run_id: str) -> None:
        """Gives a run a name, in place of the one that had it. Raises UsageError where there is no such run."""
        async with self._engine.begin() as connection:
            stamp = await next_stamp(connection)
            if (await connection.execute(sa.select(RUN.c.id).where(RUN.c.id == run_id))).one_or_none() is None:
                message = f"there is no run {run_id!r} here ('bench runs' lists them)"
                raise UsageError(message)
            await connection.execute(NAMED_RUN.insert().values(name=name, stamp=stamp, run_id=run_id))

    async def remove_name(self, name: str) -> None:
        """Takes a name away; the run stays. Raises UsageError where no run has it."""
        async with self._engine.begin() as connection:
            stamp = await next_stamp(connection)
            if name not in await connection.run_sync(read_names):
                message = f"no run is called {name!r} ('bench baseline list' lists the names)"
                raise UsageError(message)
            await connection.execute(NAMED_RUN.insert().values(name=name, stamp=stamp, run_id=None))

    async def names(self, *, until: int = NOW) -> Mapping[str, str]:
        """All names with their runs' ids, as they were at a stamp."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(read_names, until)


async def _fresh_start(
    connection: AsyncConnection, asked: Asked, cell: Cell, before: datetime | None = None
) -> tuple[datetime | None, int]:
    """Where the baseline last began anew (`before` that moment), and the stamp up to which accepted changes make every
    session count."""
    query = sa.select(FRESH_START).where(_is_start(asked, cell))
    if before is not None:
        query = query.where(FRESH_START.c.since < before.astimezone(UTC))
    rows = [*await connection.execute(query)]
    since = max((as_utc(row.since) for row in rows), default=None)
    return since, max((row.stamp for row in rows if row.accepted), default=-1)


async def _rolling(
    connection: AsyncConnection,
    asked: Asked,
    cell: Cell,
    alerts: Iterable[Alert],
    limit: int,
    before: datetime | None = None,
) -> tuple[Session, ...]:
    """The sessions that the rolling baseline may take, or might have `before` it began anew.

    `past.py` says the same of sessions at hand.
    """
    since, accepted_until = await _fresh_start(connection, asked, cell, before)
    counts = SESSION.c.accepted | (SESSION.c.stamp <= accepted_until)
    query = sa.select(SESSION.c.entry).where(_is_earlier(asked, cell, since) & counts)
    if before is not None:
        query = query.where(SESSION.c.at < before.astimezone(UTC))
    for alert in alerts:
        if alert.cell == cell and alert.state is not AlertState.ACCEPTED:
            query = query.where(~_is_inside(alert))
    return _read(await connection.execute(query.order_by(SESSION.c.at.desc()).limit(limit)))


async def _nights(connection: AsyncConnection, asked: Asked, cell: Cell, limit: int) -> tuple[Session, ...]:
    since, _ = await _fresh_start(connection, asked, cell)
    query = sa.select(SESSION.c.entry).where(_is_earlier(asked, cell, since) & (SESSION.c.number == 1))
    return _read(await connection.execute(query.order_by(SESSION.c.at.desc()).limit(limit)))


def _is_earlier(asked: Asked, cell: Cell, since: datetime | None) -> sa.ColumnElement[bool]:
    is_there = (SESSION.c.run_id < asked.run_id) & (SESSION.c.stamp <= asked.until)
    found = _is_of(asked.project, cell) & is_there
    return found if since is None else found & (SESSION.c.at >= since)


def _is_start(asked: Asked, cell: Cell) -> sa.ColumnElement[bool]:
    start = FRESH_START.c
    is_there = (start.stamp <= asked.until) & (start.since <= asked.at.astimezone(UTC))
    return (start.project == asked.project) & _is_cell(FRESH_START, cell) & is_there


def _is_inside(alert: Alert) -> sa.ColumnElement[bool]:
    """Whether a session lies in the alert's regression, as `Alert.takes_out`."""
    inside = SESSION.c.at >= alert.began.astimezone(UTC)
    return inside if alert.back_since is None else inside & (SESSION.c.at < alert.back_since.astimezone(UTC))


def _read(rows: Iterable[Any]) -> tuple[Session, ...]:
    return tuple(sorted((_SESSION.read(row.entry) for row in rows), key=lambda session: session.at))


def _is_of(project: str, cell: Cell) -> sa.ColumnElement[bool]:
    return (SESSION.c.project == project) & _is_cell(SESSION, cell)


def _is_cell(table: sa.Table, cell: Cell) -> sa.ColumnElement[bool]:
    return (table.c.model == cell.model) & (table.c.device == cell.device) & (table.c.variant == cell.variant)


def session_row(session: Session, project: str, accepted: bool) -> dict[str, Any]:
    """A session's row, but for its stamp."""
    cell = session.cell
    return {
        "run_id": session.run_id,
        "model": cell.model,
        "device": cell.device,
        "variant": cell.variant,
        "number": session.number,
        "project": project,
        "at": session.at.astimezone(UTC),
        "accepted": accepted,
        "entry": _SESSION.write(session),
        "night": night_of(session),
    }


def _sameness(row: Any) -> tuple[Any, ...]:
    """What two rows of a session have in common where nothing has changed."""
    return tuple(row[name] for name in ("run_id", "model", "device", "variant", "number", "accepted", "entry"))
