"""Sits out an outage of the database: a server that starts anew, a connection that breaks. A minute ends no run."""

import asyncio
import inspect
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError

from orchestrator.errors import DatabaseLost

PATIENCE_S = ContextVar("PATIENCE_S", default=60.0)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 3.0

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=type)


def sits_out_outages(method: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Lets a coroutine function that an outage cut short begin again. It may write in one transaction, at its end.

    Raises DatabaseLost when its patience is over.
    """

    @wraps(method)
    async def patient(*args: P.args, **kwargs: P.kwargs) -> T:
        pause_s, since = FIRST_PAUSE_S, time.monotonic()
        while True:
            try:
                return await method(*args, **kwargs)
            except DBAPIError as error:
                if not is_outage(error):
                    raise
                if time.monotonic() - since > (patience_s := PATIENCE_S.get()):
                    message = f"the history database has not answered for {patience_s:.0f} s: {reason_of(error)}"
                    raise DatabaseLost(message) from None
            await asyncio.sleep(pause_s * random.uniform(0.5, 1))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    return patient


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """For how long outages are sat out within."""
    before = PATIENCE_S.set(seconds)
    try:
        yield
    finally:
        PATIENCE_S.reset(before)


def outage_proof(cls: C) -> C:
    """Lets all public coroutine methods of a class sit out outages."""
    for name, method in list(vars(cls).items()):
        if inspect.iscoroutinefunction(method) and not name.startswith("_"):
            setattr(cls, name, sits_out_outages(method))
    return cls


def is_outage(error: DBAPIError) -> bool:
    """Whether a connection broke or could not be made; SQLite knows no such thing."""
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", "")  # PostgreSQL gives none where no connection could be made
    return isinstance(error, OperationalError) and (state is None or state.startswith(("08", "57P", "53300")))


def reason_of(error: Exception) -> str:
    """What the database said, on one line."""
    return str(getattr(error, "orig", None) or error).splitlines()[0].removeprefix("connection failed: ")
