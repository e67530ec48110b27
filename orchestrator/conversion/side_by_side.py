"""Converts several models: as many at once as memory and processors allow, and always at least one."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from orchestrator.conversion.convert import Workshop
from orchestrator.domain.conversion import ConvertedModel
from orchestrator.domain.model import Model

_MEMINFO = Path("/proc/meminfo")
_BASE_BYTES, _FOR_BYTE = 500_000_000, 14  # measured: 0.2 GB for 5 MB, 0.6 GB for 33 MB, 1.4 GB for 102 MB


class MemoryRoom:
    """So much memory, which those who come in take a part of; one alone always has room."""

    def __init__(self, available_bytes: int, at_once: int) -> None:
        self._free_bytes = available_bytes
        self._at_once = at_once
        self._inside = 0
        self._left = asyncio.Condition()

    async def enter(self, needed_bytes: int) -> None:
        """Waits until there is room."""
        async with self._left:
            await self._left.wait_for(
                lambda: not self._inside or (needed_bytes <= self._free_bytes and self._inside < self._at_once)
            )
            self._inside += 1
            self._free_bytes -= needed_bytes

    async def leave(self, needed_bytes: int) -> None:
        """Makes room for others."""
        async with self._left:
            self._inside -= 1
            self._free_bytes += needed_bytes
            self._left.notify_all()


async def convert_all(
    workshop: Workshop, wanted: Sequence[tuple[Model, ConvertedModel]], room: MemoryRoom | None = None
) -> tuple[ConvertedModel, ...]:
    """What became of each, in their order. Cancelling ends the tool wherever it runs."""
    inside = room or MemoryRoom(available_bytes(), os.cpu_count() or 1)

    async def convert(model: Model, one: ConvertedModel) -> ConvertedModel:
        needed_bytes = estimated_bytes(model)
        await inside.enter(needed_bytes)
        try:
            return await asyncio.to_thread(workshop.convert, model, one)
        finally:
            await inside.leave(needed_bytes)

    try:
        return tuple(await asyncio.gather(*(convert(model, one) for model, one in wanted)))
    finally:
        workshop.kill.set()


def estimated_bytes(model: Model) -> int:
    """About what the tool takes for a model."""
    return _BASE_BYTES + _FOR_BYTE * model.size_bytes


def available_bytes() -> int:
    """What the system could give now; 0 where it does not tell, so that one is converted after the other."""
    if not _MEMINFO.exists():
        return 0
    told = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
    return int(told.get("MemAvailable", "0 kB").split()[0]) * 1024
