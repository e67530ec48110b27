"""PostgreSQL: commits of which it is known what they came to, whatever becomes of the connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from orchestrator.errors import DatabaseLost
from orchestrator.history.keepalive import keepalive
from orchestrator.history.outage import is_outage, sits_out_outages

CONNECTIONS = 6  # of one process, one of which may hold a run's lock

_NUMBER = sa.text("select pg_current_xact_id_if_assigned()::text")
_STATUS = sa.text("select pg_xact_status(cast(:number as xid8))")
_END = sa.text(
    "select pg_terminate_backend(pid) from pg_stat_activity where backend_xid = cast(cast(:number as xid8) as xid)"
)
_QUESTIONS, _BETWEEN_S = 200, 0.05


class PostgresEngine(AsyncEngine):
    """An engine whose `begin` raises only where nothing was committed, so that all within may be done again."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction. A commit whose answer was lost may have happened: the server is asked once it is back."""
        async with self.connect() as connection:
            yield connection
            number: str | None = (await connection.execute(_NUMBER)).scalar()  # None where nothing was written
            try:
                await connection.commit()
            except DBAPIError as error:
                if number is None or not is_outage(error) or not await _is_committed(self, number):
                    raise


def postgresql_engine(url: sa.URL) -> AsyncEngine:
    """An engine that has not connected yet."""
    made = create_async_engine(
        url, connect_args=keepalive(url), pool_pre_ping=True, pool_size=CONNECTIONS, max_overflow=0, pool_timeout=300
    )
    return PostgresEngine(made.sync_engine)


@sits_out_outages
async def _is_committed(engine: AsyncEngine, number: str) -> bool:
    """What came of a transaction whose connection is lost. One that the server still has open is ended first."""
    for _ in range(_QUESTIONS):
        async with engine.connect() as connection:
            status = (await connection.execute(_STATUS, {"number": number})).scalar_one()
            if status in ("committed", "aborted"):
                return bool(status == "committed")
            await connection.execute(_END, {"number": number})
        await asyncio.sleep(_BETWEEN_S)
    message = "the history database cannot tell whether it kept what was written last"
    raise DatabaseLost(message)
