"""Jobs' next states on their way to the disk: those that come while others are written go there together.

With hundreds of jobs under way the disk's flush is what a write costs, and one flush serves as many as are waiting.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.history.schema import JOB

Row = Mapping[str, Any]

# What a row is found by, in the order in which every writer takes them, so that no two wait for each other.
_FOUND_BY = ("run_id", "model", "device", "variant", "repeat", "control", "version")
_MOVE = (
    JOB.update()
    .where(*(JOB.c[name] == sa.bindparam(f"old_{name}") for name in _FOUND_BY))
    .values({name: sa.bindparam(f"new_{name}") for name in ("state", "version", "entry")})
)


@dataclass(frozen=True, kw_only=True)
class _Move:
    """One write, and whether the row was still as it was said to be."""

    old: Row
    new: Row
    is_done: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def place(self) -> tuple[Any, ...]:
        """Where the move stands among others."""
        return tuple(self.old[name] for name in _FOUND_BY)

    def end(self, was_as_said: bool) -> None:
        """Tells who waits, if anybody still does."""
        if not self.is_done.done():
            self.is_done.set_result(was_as_said)

    def fail(self, error: Exception) -> None:
        """As `end`."""
        if not self.is_done.done():
            self.is_done.set_exception(error)

    def values(self) -> dict[str, Any]:
        """What the statement takes."""
        return {f"old_{name}": self.old[name] for name in _FOUND_BY} | {
            f"new_{name}": self.new[name] for name in ("state", "version", "entry")
        }


class Moves:
    """A task of its own writes all that waits, and then what came meanwhile; who gives up waiting undoes nothing."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: list[_Move] = []
        self._writer: asyncio.Task[None] | None = None

    async def write(self, old: Row, new: Row) -> bool:
        """Replaces a row that is still as `old` says, committed when this returns; False where it is not."""
        move = _Move(old=old, new=new)
        self._waiting.append(move)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        return await move.is_done

    async def _write_all(self) -> None:
        while self._waiting:
            moves, self._waiting = sorted(self._waiting, key=lambda move: move.place), []
            try:
                found = await self._written(moves)
            except Exception as error:
                for move in moves:
                    move.fail(error)
            else:
                for move, was_as_said in zip(moves, found, strict=True):
                    move.end(was_as_said)

    async def _written(self, moves: list[_Move]) -> list[bool]:
        """Whether each row was as it was said to be; all in one transaction."""
        async with self._engine.begin() as connection:
            return [(await connection.execute(_MOVE, move.values())).rowcount == 1 for move in moves]
