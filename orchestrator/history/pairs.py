"""Sessions of a model beside itself, kept for the noise that they show."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.domain.cell import Cell
from orchestrator.domain.session import Pair, Session
from orchestrator.history.asked import Asked
from orchestrator.history.document import Document
from orchestrator.history.outage import outage_proof
from orchestrator.history.schema import PAIR
from orchestrator.history.stamp import next_stamp

_PAIR = Document(tuple[Session, Session])


@outage_proof
class Pairs:
    """Reads and writes pairs. Once written, they stay as they are."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def record(self, pairs: Iterable[Pair], *, project: str) -> None:
        """Keeps those of a run's pairs that are not kept yet."""
        rows = [pair_row(pair, project) for pair in pairs]
        if not rows:
            return
        keys = ("model", "device", "variant", "number")
        async with self._engine.begin() as connection:
            stamp = await next_stamp(connection)
            of_run = sa.select(*(PAIR.c[key] for key in keys)).where(PAIR.c.run_id == rows[0]["run_id"])
            there = {tuple(row) for row in await connection.execute(of_run)}
            new = [{**row, "stamp": stamp} for row in rows if tuple(row[key] for key in keys) not in there]
            if new:
                await connection.execute(PAIR.insert(), new)

    async def of_run(self, run_id: str) -> Mapping[Cell, tuple[Pair, ...]]:
        """The pairs of one run, oldest first."""
        found: dict[Cell, list[Pair]] = defaultdict(list)
        query = sa.select(PAIR.c.entry).where(PAIR.c.run_id == run_id).order_by(PAIR.c.number)
        async with self._engine.connect() as connection:
            for row in await connection.execute(query):
                pair = _PAIR.read(row.entry)
                found[pair[0].cell].append(pair)
        return {cell: tuple(pairs) for cell, pairs in found.items()}

    async def before(self, asked: Asked, cells: Collection[Cell], *, limit: int) -> Mapping[Cell, tuple[Pair, ...]]:
        """The newest pairs of each cell, oldest first."""
        is_earlier = (PAIR.c.project == asked.project) & (PAIR.c.run_id < asked.run_id) & (PAIR.c.stamp <= asked.until)
        newest_first = (PAIR.c.run_id.desc(), PAIR.c.number.desc())
        async with self._engine.connect() as connection:
            found = {}
            for cell in cells:
                query = sa.select(PAIR.c.entry).where(is_earlier & _is_of(cell)).order_by(*newest_first).limit(limit)
                rows = [*await connection.execute(query)]
                found[cell] = tuple(_PAIR.read(row.entry) for row in reversed(rows))
        return found


def _is_of(cell: Cell) -> sa.ColumnElement[bool]:
    return (PAIR.c.model == cell.model) & (PAIR.c.device == cell.device) & (PAIR.c.variant == cell.variant)


def pair_row(pair: Pair, project: str) -> dict[str, Any]:
    """A pair's row, but for its stamp."""
    session, cell = pair[0], pair[0].cell
    key = {"run_id": session.run_id, "model": cell.model, "device": cell.device, "variant": cell.variant}
    return {**key, "number": session.number, "project": project, "entry": _PAIR.write(pair)}
