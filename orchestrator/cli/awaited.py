"""Runs a coroutine to its end and gives back what it comes to.

`asyncio.run` would, too, but describes the result in words on its way out (its signal handler is looked up with an
error message that has all of it): of a report of 10,000 jobs that takes seconds, and hundreds of megabytes.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def awaited(work: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result."""
    found: list[T] = []

    async def keep() -> None:
        found.append(await work)

    asyncio.run(keep())
    return found[0]
