"""The engine for a database's URL: SQLite or PostgreSQL, each set so that what was committed is there for good."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from orchestrator.errors import UsageError
from orchestrator.history.postgresql import SERVERS_END, postgresql_engine

BUSY_TIMEOUT_MS = 30_000
_PRAGMAS = (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=wal", "synchronous=full", "foreign_keys=on")
_POSTGRESQL, _SQLITE = "postgresql+psycopg", "sqlite+aiosqlite"
_DRIVERS = {"postgresql": _POSTGRESQL, "postgres": _POSTGRESQL, "sqlite": _SQLITE}


def engine_of(url: str) -> AsyncEngine:
    """An engine that has not connected yet. Raises UsageError, in words without the password, where none can be."""
    named = _parsed(url)
    is_sqlite = named.drivername == _SQLITE
    try:
        engine = _sqlite_engine(named) if is_sqlite else postgresql_engine(named)
    except ImportError:
        message = "BENCH_DATABASE_URL names a PostgreSQL, which needs: pip install 'device-bench[postgres]'"
        raise UsageError(message) from None
    except OSError as error:
        message = f"the history database's folder cannot be made: {error.strerror}: {error.filename}"
        raise UsageError(message) from None
    _on_connect(engine, [f"pragma {pragma}" for pragma in _PRAGMAS] if is_sqlite else SERVERS_END)
    return engine


def conninfo(url: str) -> str:
    """The PostgreSQL at a URL as libpq wants it, with its password. Raises UsageError where it is another database."""
    named = _parsed(url)
    if named.drivername != _POSTGRESQL:
        message = "workers need a PostgreSQL: BENCH_DATABASE_URL=postgresql://user:password@host/database"
        raise UsageError(message)
    return named.set(drivername="postgresql").render_as_string(hide_password=False)


def place_of(engine: AsyncEngine) -> str:
    """Where the database is, for messages: without the password and without options, which may hold one."""
    return engine.url.set(query={}).render_as_string()


def _parsed(url: str) -> sa.URL:
    try:
        named = sa.make_url(url)
        driver = _DRIVERS[named.get_backend_name()]
    except (SQLAlchemyError, ValueError, KeyError):
        message = (
            "BENCH_DATABASE_URL is no URL of a database that bench can use, such as "
            "postgresql://user:password@host/database or sqlite:///folder/history.db"
        )
        raise UsageError(message) from None
    if driver == _POSTGRESQL and "@" in f"{named.host}{named.database}":
        message = "BENCH_DATABASE_URL has an @ too many: in a user or password write %40 for @, %3A for :, %2F for /"
        raise UsageError(message)
    return named.set(drivername=driver)


def _sqlite_engine(url: sa.URL) -> AsyncEngine:
    """One connection, as there is one writer; every commit is on disk before it returns."""
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    return create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=300)


def _on_connect(engine: AsyncEngine, statements: Iterable[str]) -> None:
    @sa.event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.commit()
