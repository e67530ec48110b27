"""Opens the database: SQLite in the state folder, or what BENCH_DATABASE_URL names."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.errors import UsageError
from orchestrator.history.engine import engine_of, place_of
from orchestrator.history.fresh import make_tables
from orchestrator.history.outage import reason_of
from orchestrator.history.version import HEAD, version_of

_WAYS_OUT = {  # by what PostgreSQL says, where it says it in English
    "authentication failed": "put the right user and password into BENCH_DATABASE_URL",
    "no password supplied": "put the password into BENCH_DATABASE_URL",
    'FATAL:  database "': "'createdb' makes it",
    'FATAL:  role "': "put the right user into BENCH_DATABASE_URL",
    "Connection refused": "is the server running there?",
    "No such file": "is the server running here?",
    "resolve host": "put the right host into BENCH_DATABASE_URL",
}


def sqlite_url(home: Path) -> str:
    """The URL of the database in a state folder."""
    return f"sqlite+aiosqlite:///{home / 'history.db'}"


@asynccontextmanager
async def open_engine(url: str) -> AsyncIterator[AsyncEngine]:
    """An engine whose database has the newest tables. Raises UsageError where it cannot be opened."""
    async with _engine(url) as engine:
        with _in_words(engine):
            async with engine.connect() as connection:
                if await connection.run_sync(version_of) != HEAD:
                    await connection.rollback()
                    if not await connection.run_sync(make_tables):
                        await connection.run_sync(_upgrade, place_of(engine))
        yield engine


async def database_in_words(url: str) -> str:
    """Which database that is and how its tables stand; changes nothing. Raises UsageError where it cannot be opened."""
    async with _engine(url) as engine:
        with _in_words(engine):
            async with engine.connect() as connection:
                version = await connection.run_sync(version_of)
        tables = {HEAD: "up to date", None: "made by the next command that needs them"}
        return f"{place_of(engine)}: tables {tables.get(version, f'of revision {version}, here it is {HEAD}')}"


@asynccontextmanager
async def _engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = engine_of(url)
    try:
        yield engine
    finally:
        await engine.dispose()


@contextmanager
def _in_words(engine: AsyncEngine) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        reason = reason_of(error)
        ways_out = [f" ({way})" for said, way in _WAYS_OUT.items() if said in reason]
        message = f"the history database {place_of(engine)} cannot be opened: {reason}{''.join(ways_out[:1])}"
        raise UsageError(message) from None


def _upgrade(connection: sa.Connection, place: str) -> None:
    from orchestrator.history.upgrade import NotOurs, upgrade

    try:
        upgrade(connection)
    except NotOurs:
        message = f"the history database {place} is another version's: move it away, or use that version of bench"
        raise UsageError(message) from None
