"""Takes what runs are judged by from one database to another: sessions, where baselines begin, alerts and names.

All of it keeps its order. What comes in is later than all that is here, so that a run that has ended here is judged
again as it was. Bringing in the same again changes nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator import __version__
from orchestrator.domain.alert import Alert, AlertState
from orchestrator.domain.cell import Cell
from orchestrator.domain.session import Session
from orchestrator.history.alerts import begin_anew, read_alerts, write_alerts
from orchestrator.history.baselines import session_row
from orchestrator.history.document import Document
from orchestrator.history.exported import Exported, KeptAlert, KeptPair, KeptSession, KeptStart, Ranked
from orchestrator.history.names import read_names
from orchestrator.history.outage import outage_proof
from orchestrator.history.pairs import pair_row
from orchestrator.history.past import as_utc
from orchestrator.history.schema import ALERT, FRESH_START, NAMED_RUN, PAIR, RUN, SESSION
from orchestrator.history.stamp import next_stamp

_SESSION, _PAIR, _ALERT = Document(Session), Document(tuple[Session, Session]), Document(Alert)
_CELL = ("model", "device", "variant")
_LIFE = [AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.RESOLVED, AlertState.ACCEPTED]


@outage_proof
class Exchange:
    """Gathers what is to be exported, and merges what was."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def gather(self, *, now: datetime, project: str | None = None, plan: str | None = None) -> Exported:
        """All of a project, or of one of its plans' runs; None stands for all."""
        async with self._engine.connect() as connection:
            of_plan = await _runs_of(connection, plan)
            sessions = await _rows(connection, SESSION, project, of_plan)
            pairs = await _rows(connection, PAIR, project, of_plan)
            cells = {(row.project, *(getattr(row, name) for name in _CELL)) for row in sessions}
            return Exported(
                tool_version=__version__,
                exported_at=now,
                sessions=tuple(_session(row) for row in sessions),
                pairs=tuple(KeptPair(project=row.project, rank=row.stamp, pair=_PAIR.read(row.entry)) for row in pairs),
                starts=tuple(
                    _start(row)
                    for row in await _rows(connection, FRESH_START, project)
                    if (row.project, row.model, row.device, row.variant) in cells
                ),
                alerts=tuple(
                    KeptAlert(rank=row.stamp, alert=_ALERT.read(row.entry))
                    for row in {row.id: row for row in await _rows(connection, ALERT, project)}.values()
                    if (row.project, row.model, row.device, row.variant) in cells
                ),
                names={
                    name: run_id
                    for name, run_id in (await connection.run_sync(read_names)).items()
                    if run_id in {row.run_id for row in sessions}
                },
            )

    async def merge(self, exported: Exported) -> Mapping[str, int]:
        """Writes what is not here yet; how many of each kind. What this database knows better stays: its own runs'
        sessions, and alerts of which it knows at least as much.
        """
        async with self._engine.begin() as connection:
            stamps = await _stamps(connection, exported)
            return {
                "session": await _merge_sessions(connection, exported.sessions, stamps),
                "pair": await _merge_pairs(connection, exported.pairs, stamps),
                "new beginning": await _merge_starts(connection, exported.starts, stamps),
                "alert": await _merge_alerts(connection, exported.alerts, stamps),
                "name": await _merge_names(connection, exported.names, await next_stamp(connection)),
            }


async def _stamps(connection: AsyncConnection, exported: Exported) -> Mapping[int, int]:
    """A new stamp for each of the file's ranks, in their order."""
    kept: tuple[Ranked, ...] = (*exported.sessions, *exported.pairs, *exported.starts, *exported.alerts)
    ranks = sorted({one.rank for one in kept})
    return {rank: await next_stamp(connection) for rank in ranks}


async def _runs_of(connection: AsyncConnection, plan: str | None) -> set[str] | None:
    if plan is None:
        return None
    return set((await connection.execute(sa.select(RUN.c.id).where(RUN.c.plan == plan))).scalars())


async def _rows(
    connection: AsyncConnection, table: sa.Table, project: str | None, of_plan: set[str] | None = None
) -> list[Any]:
    query = sa.select(table).order_by(table.c.stamp)
    query = query if project is None else query.where(table.c.project == project)
    return [row for row in await connection.execute(query) if of_plan is None or row.run_id in of_plan]


def _session(row: Any) -> KeptSession:
    session = _SESSION.read(row.entry)
    return KeptSession(project=row.project, rank=row.stamp, accepted=row.accepted, session=session)


def _start(row: Any) -> KeptStart:
    cell = {name: getattr(row, name) for name in _CELL}
    return KeptStart(project=row.project, rank=row.stamp, since=as_utc(row.since), accepted=row.accepted, **cell)


async def _merge_sessions(connection: AsyncConnection, kept: Iterable[KeptSession], stamps: Mapping[int, int]) -> int:
    """A session of a run that was elsewhere takes the place of the one that came in before."""
    rows = [
        {**session_row(one.session, one.project, one.accepted), "stamp": stamps[one.rank]}
        for one in sorted(kept, key=lambda one: one.rank)
    ]
    there = {_key(row._mapping): row._mapping for row in await connection.execute(sa.select(SESSION))}
    ours = set((await connection.execute(sa.select(RUN.c.id))).scalars())
    new = {key: row for row in rows if (key := _key(row)) not in there}
    for row in rows:
        known = there.get(_key(row))
        if known and row["run_id"] not in ours and any(known[name] != row[name] for name in ("accepted", "entry")):
            same = (SESSION.c[name] == row[name] for name in ("run_id", *_CELL, "number"))
            await connection.execute(SESSION.delete().where(*same))
            new[_key(row)] = row
    return await _insert(connection, SESSION, new)


async def _merge_pairs(connection: AsyncConnection, kept: Iterable[KeptPair], stamps: Mapping[int, int]) -> int:
    rows = [{**pair_row(one.pair, one.project), "stamp": stamps[one.rank]} for one in kept]
    keys = (PAIR.c[name] for name in ("run_id", *_CELL, "number"))
    there = {tuple(row) for row in await connection.execute(sa.select(*keys))}
    return await _insert(connection, PAIR, {key: row for row in rows if (key := _key(row)) not in there})


async def _merge_starts(connection: AsyncConnection, kept: Iterable[KeptStart], stamps: Mapping[int, int]) -> int:
    there = {
        (row.project, row.model, row.device, row.variant, as_utc(row.since), row.accepted)
        for row in await connection.execute(sa.select(FRESH_START))
    }
    new = [
        one
        for one in kept
        if (one.project, one.model, one.device, one.variant, as_utc(one.since), one.accepted) not in there
    ]
    for one in new:
        cell = Cell(model=one.model, device=one.device, variant=one.variant)
        await begin_anew(connection, one.project, {cell: one.since}, stamps[one.rank], accepted=one.accepted)
    return len(new)


async def _merge_alerts(connection: AsyncConnection, kept: Iterable[KeptAlert], stamps: Mapping[int, int]) -> int:
    there, written = await connection.run_sync(read_alerts), 0
    for one in sorted(kept, key=lambda one: one.rank):
        known = next((alert for alert in there if alert.is_same_change(one.alert)), None)
        if known is None or (known.id == one.alert.id and _life(known) < _life(one.alert)):
            await write_alerts(connection, [one.alert], stamps[one.rank])
            written += 1
    return written


async def _merge_names(connection: AsyncConnection, names: Mapping[str, str], stamp: int) -> int:
    there = await connection.run_sync(read_names)
    new = {name: run_id for name, run_id in names.items() if there.get(name) != run_id}
    rows = {name: {"name": name, "run_id": run_id, "stamp": stamp} for name, run_id in new.items()}
    return await _insert(connection, NAMED_RUN, rows)


async def _insert(connection: AsyncConnection, table: sa.Table, rows: Mapping[Any, Mapping[str, Any]]) -> int:
    if rows:
        await connection.execute(table.insert(), list(rows.values()))
    return len(rows)


def _key(row: Any) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("run_id", *_CELL, "number"))


def _life(alert: Alert) -> int:
    return _LIFE.index(alert.state)
