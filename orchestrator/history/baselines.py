"""What later runs are compared with: the sessions of earlier ones, and runs that were given a name."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.domain.cell import Cell
from orchestrator.domain.session import Session
from orchestrator.errors import UsageError
from orchestrator.history.schema import FRESH_START, NAMED_RUN, RUN, SESSION

_SESSION = TypeAdapter(Session)

SessionsByCell = Mapping[Cell, tuple[Session, ...]]


class Baselines:
    """Reads and writes sessions and names."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def record(self, sessions: Iterable[Session], *, project: str, open_regressions: Collection[Cell]) -> None:
        """Keeps a run's sessions, in place of what was kept of them; those inside an open regression do not count."""
        rows = [_row(session, project, session.cell not in open_regressions) for session in sessions]
        async with self._engine.begin() as connection:
            for run_id in {row["run_id"] for row in rows}:
                await connection.execute(SESSION.delete().where(SESSION.c.run_id == run_id))
            if rows:
                await connection.execute(SESSION.insert(), rows)

    async def rolling(self, project: str, cells: Collection[Cell], *, before: str, limit: int) -> SessionsByCell:
        """The newest accepted sessions of each cell since its last accepted change, oldest first.

        Only runs `before` that one count (run ids sort by time), so that an old run can be judged as it was.
        """
        async with self._engine.connect() as connection:
            return {cell: await _rolling(connection, project, cell, before, limit) for cell in cells}

    async def series(self, project: str, cell: Cell, limit: int) -> tuple[Session, ...]:
        """The newest sessions of a cell, accepted or not, oldest first."""
        query = sa.select(SESSION.c.entry).where(_is_of(project, cell)).order_by(SESSION.c.at.desc()).limit(limit)
        async with self._engine.connect() as connection:
            return _read(await connection.execute(query))

    async def cells(self, project: str | None = None) -> tuple[tuple[str, Cell], ...]:
        """Each project's cells that have sessions."""
        columns = (SESSION.c.project, SESSION.c.model, SESSION.c.device, SESSION.c.variant)
        query = sa.select(*columns).distinct().order_by(*columns)
        async with self._engine.connect() as connection:
            rows = await connection.execute(query if project is None else query.where(SESSION.c.project == project))
            return tuple((row.project, Cell(model=row.model, device=row.device, variant=row.variant)) for row in rows)

    async def of_run(self, run_id: str) -> SessionsByCell:
        """The sessions of one run."""
        found: dict[Cell, list[Session]] = defaultdict(list)
        query = sa.select(SESSION.c.entry).where(SESSION.c.run_id == run_id).order_by(SESSION.c.number)
        async with self._engine.connect() as connection:
            for session in _read(await connection.execute(query)):
                found[session.cell].append(session)
        return {cell: tuple(sessions) for cell, sessions in found.items()}

    async def accept(self, run_id: str) -> int:
        """The change that a run shows is wanted: its cells' baselines begin anew with it. How many cells those are."""
        of_run = SESSION.c.run_id == run_id
        keys = (SESSION.c.run_id, SESSION.c.model, SESSION.c.device, SESSION.c.variant)
        async with self._engine.begin() as connection:
            await connection.execute(SESSION.update().where(of_run).values(accepted=True))
            await connection.execute(FRESH_START.delete().where(FRESH_START.c.run_id == run_id))
            rows = [dict(row._mapping) for row in await connection.execute(sa.select(*keys).where(of_run).distinct())]
            if rows:
                await connection.execute(FRESH_START.insert(), rows)
        return len(rows)

    async def set_name(self, name: str, run_id: str) -> None:
        """Gives a run a name, in place of the one that had it. Raises UsageError where there is no such run."""
        async with self._engine.begin() as connection:
            if (await connection.execute(sa.select(RUN.c.id).where(RUN.c.id == run_id))).one_or_none() is None:
                message = f"there is no run {run_id!r} here ('bench runs' lists them)"
                raise UsageError(message)
            await connection.execute(NAMED_RUN.delete().where(NAMED_RUN.c.name == name))
            await connection.execute(NAMED_RUN.insert().values(name=name, run_id=run_id))

    async def remove_name(self, name: str) -> None:
        """Takes a name away; the run stays. Raises UsageError where no run has it."""
        async with self._engine.begin() as connection:
            done = await connection.execute(NAMED_RUN.delete().where(NAMED_RUN.c.name == name))
        if done.rowcount != 1:
            message = f"no run is called {name!r} ('bench baseline list' lists the names)"
            raise UsageError(message)

    async def names(self) -> Mapping[str, str]:
        """All names with their runs' ids."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(sa.select(NAMED_RUN).order_by(NAMED_RUN.c.name))
            return {row.name: row.run_id for row in rows}


async def _rolling(
    connection: AsyncConnection, project: str, cell: Cell, before: str, limit: int
) -> tuple[Session, ...]:
    earlier = _is_cell(FRESH_START, cell) & (FRESH_START.c.run_id < before)
    since = (await connection.execute(sa.select(sa.func.max(FRESH_START.c.run_id)).where(earlier))).scalar_one_or_none()
    span = (SESSION.c.run_id >= (since or "")) & (SESSION.c.run_id < before)
    newest = sa.select(SESSION.c.entry).where(_is_of(project, cell) & SESSION.c.accepted & span)
    return _read(await connection.execute(newest.order_by(SESSION.c.at.desc()).limit(limit)))


def _read(rows: sa.CursorResult[Any]) -> tuple[Session, ...]:
    return tuple(sorted((_SESSION.validate_json(row.entry) for row in rows), key=lambda session: session.at))


def _is_of(project: str, cell: Cell) -> sa.ColumnElement[bool]:
    return (SESSION.c.project == project) & _is_cell(SESSION, cell)


def _is_cell(table: sa.Table, cell: Cell) -> sa.ColumnElement[bool]:
    return (table.c.model == cell.model) & (table.c.device == cell.device) & (table.c.variant == cell.variant)


def _row(session: Session, project: str, accepted: bool) -> dict[str, Any]:
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
        "entry": _SESSION.dump_json(session).decode(),
    }
