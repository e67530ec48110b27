"""Opens the database: SQLite in the state folder, or what BENCH_DATABASE_URL names."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from orchestrator.errors import DatabaseLost, UsageError
from orchestrator.history.engine import blocking_engine_of, engine_of, place_of
from orchestrator.history.fresh import make_tables
from orchestrator.history.outage import is_outage, reason_of
from orchestrator.history.version import HEAD, version_of

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

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
async def open_engine(url: str) -> "AsyncIterator[AsyncEngine]":
    """An engine whose database has the newest tables. Raises UsageError where it cannot be opened."""
    async with _engine(url) as engine:
        with _in_words(engine):
            async with engine.connect() as connection:
                await connection.run_sync(_with_newest_tables, place_of(engine))
        yield engine


@contextmanager
def open_connection(url: str) -> Iterator[sa.Connection]:
    """A connection to a database that has the newest tables, for a command that looks and changes nothing.

    Raises UsageError where it cannot be opened, and DatabaseLost where it breaks: whoever looks can look again.
    """
    engine = blocking_engine_of(url)
    try:
        with _in_words(engine):
            connection = engine.connect()
        with connection:
            with _in_words(engine):
                _with_newest_tables(connection, place_of(engine))
            yield connection
    except DBAPIError as error:
        if not is_outage(error):
            raise
        message = f"the history database {place_of(engine)} was lost: {reason_of(error)}"
        raise DatabaseLost(message) from None
    finally:
        engine.dispose()


async def database_in_words(url: str) -> str:
    """Which database that is and how its tables stand; changes nothing. Raises UsageError where it cannot be opened."""
    async with _engine(url) as engine:
        with _in_words(engine):
            async with engine.connect() as connection:
                version = await connection.run_sync(version_of)
        tables = {HEAD: "up to date", None: "made by the next command that needs them"}
        return f"{place_of(engine)}: tables {tables.get(version, f'of revision {version}, here it is {HEAD}')}"


@asynccontextmanager
async def _engine(url: str) -> "AsyncIterator[AsyncEngine]":
    engine = engine_of(url)
    try:
        yield engine
    finally:
        await engine.dispose()


@contextmanager
def _in_words(engine: "AsyncEngine | sa.Engine") -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        reason = reason_of(error)
        ways_out = [f" ({way})" for said, way in _WAYS_OUT.items() if said in reason]
        message = f"the history database {place_of(engine)} cannot be opened: {reason}{''.join(ways_out[:1])}"
        raise UsageError(message) from None


def _with_newest_tables(connection: sa.Connection, place: str) -> None:
    if version_of(connection) != HEAD:
        connection.rollback()
        if not make_tables(connection):
            _upgrade(connection, place)


def _upgrade(connection: sa.Connection, place: str) -> None:
    from orchestrator.history.upgrade import NotOurs, upgrade

    try:
        upgrade(connection)
    except NotOurs:
        message = f"the history database {place} is another version's: move it away, or use that version of bench"
        raise UsageError(message) from None
