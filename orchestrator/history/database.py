"""Opens the database: SQLite in the state folder, or what BENCH_DATABASE_URL names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from orchestrator.errors import UsageError
from orchestrator.history.version import HEAD, version_of

BUSY_TIMEOUT_MS = 30_000
DATABASE_AWAY = (OperationalError, InterfaceError)  # what a server raises that stopped, or starts just now
# a server that is cut off is noticed within half a minute, and never holds anybody up for longer
KEEPALIVE = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def sqlite_url(home: Path) -> str:
    """The URL of the database in a state folder."""
    return f"sqlite+aiosqlite:///{home / 'history.db'}"


def conninfo(url: str) -> str:
    """The PostgreSQL database at a URL as libpq wants it, with its password. Raises UsageError where it is another."""
    if not url.startswith("postgresql"):
        message = "workers need a PostgreSQL database: BENCH_DATABASE_URL=postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        raise UsageError(message)
    return sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@asynccontextmanager
async def open_engine(url: str) -> AsyncIterator[AsyncEngine]:
    """An engine whose database has the newest tables. Raises UsageError where it cannot be opened."""
    engine = _engine(url)
    place = engine.url.render_as_string()
    try:
        try:
            async with engine.connect() as connection:
                if await connection.run_sync(version_of) != HEAD:
                    await connection.rollback()
                    await connection.run_sync(_upgrade, place)
        except (SQLAlchemyError, OSError) as error:
            message = f"the history database {place} cannot be opened: {_reason(error)}"
            raise UsageError(message) from None
        yield engine
    finally:
        await engine.dispose()


def _upgrade(connection: sa.Connection, place: str) -> None:
    from orchestrator.history.upgrade import NotOurs, upgrade

    try:
        upgrade(connection)
    except NotOurs:
        message = f"the history database {place} is another version's: move it away, or use that version of bench"
        raise UsageError(message) from None


def _engine(url: str) -> AsyncEngine:
    try:
        if url.startswith("sqlite"):
            return _sqlite_engine(url)
        return create_async_engine(url, pool_pre_ping=True, connect_args=KEEPALIVE if "psycopg" in url else {})
    except SQLAlchemyError:
        message = "BENCH_DATABASE_URL is no database URL, such as sqlite+aiosqlite:///folder/history.db"
        raise UsageError(message) from None
    except ModuleNotFoundError as error:
        message = f"BENCH_DATABASE_URL needs the package {error.name!r}, which is not installed"
        raise UsageError(message) from None
    except OSError as error:
        message = f"the history database's folder cannot be made: {error.strerror}: {error.filename}"
        raise UsageError(message) from None


def _sqlite_engine(url: str) -> AsyncEngine:
    """One connection, as there is one writer; every commit is on disk before it returns."""
    path = sa.make_url(url).database
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=300)

    @sa.event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=wal", "synchronous=full", "foreign_keys=on"):
            connection.execute(f"pragma {pragma}")

    return engine


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]
