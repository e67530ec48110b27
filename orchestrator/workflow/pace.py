"""Time, and stopping: what every step asks before it goes on."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from orchestrator.errors import Interrupted

T = TypeVar("T")
STOPPED = "stopped on request"


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The clock, and the wish to stop. `stop` is set once; from then on no new step begins."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    monotonic: Callable[[], float] = time.monotonic

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def check(self) -> None:
        """Raises Interrupted once a stop was asked for."""
        if self.stop.is_set():
            raise Interrupted(STOPPED)

    async def sleep(self, seconds: float) -> None:
        """Waits, but no longer than until a stop is asked for. Raises Interrupted then."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), timeout=max(0.0, seconds))
        self.check()

    async def sleep_unless(self, event: asyncio.Event, seconds: float) -> None:
        """Waits, but no longer than until the event, or until a stop is asked for. Raises Interrupted then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self.unless_stopped(event.wait())
        self.check()

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a long piece of work that may be cut short by a stop. Raises Interrupted then."""
        task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise Interrupted(STOPPED)
        finally:
            for pending in (task, stopped):
                pending.cancel()
            await asyncio.gather(task, stopped, return_exceptions=True)


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """The result of work that a cancellation waits for: what has left for the cloud is written down with its answer."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
