"""How far the conversions of runs are logged on the hub: rows that move forward by compare-and-set, as jobs do."""

from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.domain.journal import CompileEntry
from orchestrator.history.document import Document
from orchestrator.history.journal import Superseded
from orchestrator.history.outage import outage_proof
from orchestrator.history.schema import COMPILE

_ENTRY = Document(CompileEntry)


@outage_proof
class Compiles:
    """Those of all runs."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of_run(self, run_id: str) -> dict[str, CompileEntry]:
        """A run's, by the model's name."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(sa.select(COMPILE.c.entry).where(COMPILE.c.run_id == run_id))
            found = [_ENTRY.read(row.entry) for row in rows]
        return {entry.model: entry for entry in found}

    async def move(self, entry: CompileEntry) -> CompileEntry:
        """Writes what is known now, and gives it back with its new version. Raises Superseded where it is not newer.

        Writing the same once more, after an outage, is fine.
        """
        moved = replace(entry, version=entry.version + 1)
        row = compile_row(moved)
        which = (COMPILE.c.run_id == entry.run_id) & (COMPILE.c.model == entry.model)
        is_next = (COMPILE.c.version == entry.version) | (COMPILE.c.entry == row["entry"])
        async with self._engine.begin() as connection:
            written = await connection.execute(COMPILE.update().where(which & is_next).values(row))
        if written.rowcount != 1:
            message = f"the conversion of {entry.model} in run {entry.run_id} was moved on by another process"
            raise Superseded(message)
        return moved


def compile_row(entry: CompileEntry) -> dict[str, Any]:
    """The row of an entry."""
    return {
        "run_id": entry.run_id,
        "model": entry.model,
        "state": entry.state,
        "version": entry.version,
        "entry": _ENTRY.write(entry),
    }
