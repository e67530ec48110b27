"""Asking again: what is safe to repeat, how long to wait, and when to give up.

Every operation has one deadline, over all its tries. Waits grow exponentially with full jitter (a random part of
the whole, so that many clients do not come back in step); what the server asks for in Retry-After is a least. All
requests to one host pass one Gate, so that a 429 to one of them slows every other.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from orchestrator.errors import AnswerLost, CloudError, Misbehaving, Overloaded, Unreachable

T = TypeVar("T")
logger = logging.getLogger(__name__)

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
LONGEST_PAUSE_S = 900.0
FIRST_SPACING_S = 0.05
WIDEST_SPACING_S = 2.0
TOLD_AFTER_S = 5.0
TOO_MANY_REQUESTS = 429


class Repeat(Enum):
    """What a call may be repeated after.

    ALWAYS: the second time changes nothing more, or leaves at worst something unused. IF_NOT_DONE: only what
    certainly did not happen, for a second job or run would be a real one.
    """

    ALWAYS = (Unreachable, AnswerLost, Overloaded, Misbehaving)
    IF_NOT_DONE = (Unreachable, Overloaded)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Time, as tests may replace it: a monotonic clock, a sleep, and a random fraction from 0 to 1."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    fraction: Callable[[], float] = random.random


class Gate:
    """The one way to a host. A 429 closes it for a while; behind it requests go one by one, further apart each time.

    Every answer that is no 429 brings them closer again. That there is no answer for a while is told once, as a warning
    of this module's logger, and so is that there are answers again.
    """

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._open_at = 0.0
        self._spacing_s = 0.0
        self._failing_since: float | None = None
        self._is_told = False

    async def enter(self, deadline: float) -> bool:
        """Waits for a turn; False at once if there is none before the deadline (of the monotonic clock)."""
        while (wait_s := self._open_at - self._waiting.clock()) > 0:
            if self._open_at > deadline:
                return False
            await self._waiting.sleep(wait_s)
        self._open_at = self._waiting.clock() + self._spacing_s
        return True

    def close(self, seconds: float) -> None:
        """The host asked for a rest. However long it asks for, every run comes to its end."""
        self._spacing_s = min(max(2 * self._spacing_s, FIRST_SPACING_S), WIDEST_SPACING_S)
        self._open_at = max(self._open_at, self._waiting.clock() + min(seconds, LONGEST_PAUSE_S))

    def fail(self, error: CloudError) -> None:
        """A call failed and is made again."""
        now = self._waiting.clock()
        self._failing_since = now if self._failing_since is None else self._failing_since
        failing_s = now - self._failing_since
        if failing_s >= TOLD_AFTER_S and not self._is_told:
            self._is_told = True
            logger.warning("no good answer for %.0f s, trying on: %s", failing_s, error)

    def ease(self) -> None:
        """The host answered."""
        if self._is_told:
            logger.warning("there are answers again")
        self._failing_since, self._is_told = None, False
        self._spacing_s = self._spacing_s * 0.9 if self._spacing_s > FIRST_SPACING_S / 10 else 0.0


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long one operation goes on: after which errors, never after which of those, until when.

    Transfers have long deadlines, so they bound their tries too.
    """

    after: tuple[type[CloudError], ...]
    deadline_s: float
    never: tuple[type[CloudError], ...] = ()
    most_tries: int | None = None


@dataclass(frozen=True, kw_only=True)
class Retrier:
    """Repeats what fails on the way to one host."""

    waiting: Waiting = field(default_factory=Waiting)
    gate: Gate

    async def persist(self, once: Callable[[float], Awaitable[T]], patience: Patience, *, name: str) -> T:
        """The first result of `once`, which is told how many seconds are left; else its last error.

        Raises Overloaded, too, where the gate stays closed.
        """
        clock = self.waiting.clock
        deadline, tries = clock() + patience.deadline_s, 0
        while True:
            await self._enter(deadline, name)
            tries += 1
            try:
                result = await once(max(0.0, deadline - clock()))
            except patience.after as error:
                wait_s = self._wait_s(error, tries)
                is_last = tries == patience.most_tries or clock() + wait_s >= deadline
                if is_last or isinstance(error, patience.never):
                    raise
                self.gate.fail(error)
                logger.info("%s: %s; again in %.1f s (try %d)", name, error, wait_s, tries)
                await self.waiting.sleep(wait_s)
            else:
                self.gate.ease()
                return result

    async def _enter(self, deadline: float, name: str) -> None:
        if not await self.gate.enter(deadline):
            message = f"{name}: the cloud asked for a rest that is longer than this can wait; try again later"
            raise Overloaded(message, status=TOO_MANY_REQUESTS)

    def _wait_s(self, error: CloudError, tries: int) -> float:
        """How long this call waits; a 429 also closes the gate for all."""
        ceiling_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(tries - 1, 16))
        wait_s = self.waiting.fraction() * ceiling_s
        if not isinstance(error, Overloaded):
            return wait_s
        wait_s = max(wait_s, error.retry_after_s or 0.0)
        if error.status == TOO_MANY_REQUESTS:
            self.gate.close(wait_s)
        return wait_s
