"""A run is worked on by one process at a time: on this computer by a locked file, and among all by the database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.history.lock import busy, held, is_held, this_process
from orchestrator.history.outage import is_outage, sits_out_outages

BETWEEN_LOOKS_S = 5.0
LONGEST_FAREWELL_S = 2.0

_TAKE = sa.text(
    "select set_config('application_name', :me, false), pg_try_advisory_lock(hashtextextended(:what, 0)) as taken"
)
_HOLDER = sa.text(
    "select application_name from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory'"
    " and (classid::bigint << 32) | objid::bigint = hashtextextended(:what, 0) and objsubid = 1 and granted"
)


@asynccontextmanager
async def run_held(engine: AsyncEngine, run_id: str, folder: Path) -> AsyncIterator[None]:
    """Holds a run. Raises RunBusy, naming the holder, where another process has it, or has taken it in an outage."""
    what = _name(run_id)
    with held(_file(run_id, folder), what):
        if engine.dialect.name == "sqlite":
            yield
        else:
            async with _held_by_server(engine, what):
                yield


async def is_run_held(engine: AsyncEngine, run_id: str, folder: Path) -> bool:
    """Whether a process, here or elsewhere, holds a run."""
    if is_held(_file(run_id, folder)):
        return True
    if engine.dialect.name == "sqlite":
        return False
    async with engine.connect() as connection:
        return (await connection.execute(_HOLDER, {"what": _name(run_id)})).first() is not None


def _name(run_id: str) -> str:
    return f"run {run_id}"


def _file(run_id: str, folder: Path) -> Path:
    return folder / f"{run_id}.lock"


@asynccontextmanager
async def _held_by_server(engine: AsyncEngine, what: str) -> AsyncIterator[None]:
    """The server frees the lock when the connection ends, however it does; what is done without it is cancelled."""
    connection = await _take(engine, what)
    worker = asyncio.current_task()
    keeper = asyncio.create_task(_keep(engine, what, connection))
    await asyncio.sleep(0)  # once it has begun it lets the connection go, however it ends
    keeper.add_done_callback(lambda done: done.cancelled() or worker is None or worker.cancel())
    try:
        yield
    except asyncio.CancelledError:
        if worker and keeper.done() and not keeper.cancelled():
            worker.uncancel()
            await keeper
        raise
    finally:
        keeper.cancel()
        await asyncio.wait([keeper])


async def _keep(engine: AsyncEngine, what: str, connection: AsyncConnection) -> None:
    """Takes the lock again after each outage, until it is cancelled. Raises RunBusy where another has it by then."""
    while True:
        await _until_lost(connection)
        connection = await _take(engine, what)


async def _until_lost(connection: AsyncConnection) -> None:
    try:
        while True:
            await asyncio.sleep(BETWEEN_LOOKS_S)
            await connection.exec_driver_sql("select 1")
    except DBAPIError as error:
        if not is_outage(error):
            raise
    finally:
        await _let_go(connection)


@sits_out_outages
async def _take(engine: AsyncEngine, what: str) -> AsyncConnection:
    connection = await engine.connect()
    try:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        if (await connection.execute(_TAKE, {"me": this_process(), "what": what})).one().taken:
            return connection
        raise busy(what, (await connection.execute(_HOLDER, {"what": what})).scalar() or "")
    except BaseException:
        await _let_go(connection)
        raise


async def _let_go(connection: AsyncConnection) -> None:
    """Frees what the server holds for a connection, and ends it: of an end alone the server learns a moment later."""
    if not connection.invalidated:
        with suppress(DBAPIError, TimeoutError):
            async with asyncio.timeout(LONGEST_FAREWELL_S):
                await connection.exec_driver_sql("select pg_advisory_unlock_all()")
        await connection.invalidate()
    await connection.close()
