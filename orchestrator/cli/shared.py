"""What commands for detached runs share: the journal in PostgreSQL, the queue beside it, and the store."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.cli.home import database_url, shared_store_url
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.history.journal import Journal
    from orchestrator.history.store import Store
    from orchestrator.workers.queue import Queue
    from orchestrator.workers.tempo import Tempo


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What all machines share."""

    journal: "Journal"
    queue: "Queue"
    store: "Store"


@asynccontextmanager
async def open_shared(tempo: "Tempo | None" = None) -> AsyncIterator[Shared]:
    """Opens all three. Raises UsageError that says what is missing."""
    from orchestrator.history.engine import conninfo
    from orchestrator.history.journal import open_journal
    from orchestrator.history.store import open_store

    place = conninfo(database_url())
    try:
        from orchestrator.workers.queue import open_queue
    except ModuleNotFoundError as error:
        message = f"workers need the package {error.name!r}: pip install 'device-bench[postgres]'"
        raise UsageError(message) from None
    store = await open_store(shared_store_url(), os.environ)
    async with open_journal(database_url()) as journal, open_queue(place, tempo) as queue:
        yield Shared(journal=journal, queue=queue, store=store)
