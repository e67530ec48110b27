"""The engine for a database's URL: SQLite or PostgreSQL, each set so that what was committed is there for good."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.errors import UsageError
from orchestrator.history.keepalive import SERVERS_END, keepalive

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

BUSY_TIMEOUT_MS = 30_000
_PRAGMAS = (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=wal", "synchronous=full", "foreign_keys=on")
_POSTGRESQL, _SQLITE = "postgresql+psycopg", "sqlite+aiosqlite"
_DRIVERS = {"postgresql": _POSTGRESQL, "postgres": _POSTGRESQL, "sqlite": _SQLITE}


def engine_of(url: str) -> "AsyncEngine":
    """An engine that has not connected yet. Raises UsageError, in words without the password, where none can be."""
    named = _parsed(url)
    with _refused_in_words():
        if _is_sqlite(named):
            engine = _sqlite_engine(named)
        else:
            from orchestrator.history.postgresql import postgresql_engine

            engine = postgresql_engine(named)
    _on_connect(engine.sync_engine)
    return engine


def blocking_engine_of(url: str) -> sa.Engine:
    """The same without asyncio, which takes half of a short command's imports. What is lost stays lost."""
    named = _parsed(url)
    with _refused_in_words():
        if _is_sqlite(named):
            _make_folder(named)
            engine = sa.create_engine(named.set(drivername="sqlite"))
        else:
            engine = sa.create_engine(named, connect_args=keepalive(named))
    _on_connect(engine)
    return engine


@contextmanager
def _refused_in_words() -> Iterator[None]:
    try:
        yield
    except ImportError:
        message = "BENCH_DATABASE_URL names a PostgreSQL, which needs: pip install 'device-bench[postgres]'"
        raise UsageError(message) from None
    except OSError as error:
        message = f"the history database's folder cannot be made: {error.strerror}: {error.filename}"
        raise UsageError(message) from None


def conninfo(url: str) -> str:
    """The PostgreSQL at a URL as libpq wants it, with its password. Raises UsageError where it is another database."""
    named = _parsed(url)
    if named.drivername != _POSTGRESQL:
        message = "workers need a PostgreSQL: BENCH_DATABASE_URL=postgresql://user:password@host/database"
        raise UsageError(message)
    return named.set(drivername="postgresql").render_as_string(hide_password=False)


def place_of(engine: "AsyncEngine | sa.Engine") -> str:
    """Where the database is, for messages: without the driver, the password, and options, which may hold one."""
    return engine.url.set(drivername=engine.url.get_backend_name(), query={}).render_as_string()


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


def _is_sqlite(url: sa.URL) -> bool:
    return url.drivername == _SQLITE


def _sqlite_engine(url: sa.URL) -> "AsyncEngine":
    """One connection, as there is one writer; every commit is on disk before it returns."""
    from sqlalchemy.ext.asyncio import create_async_engine

    _make_folder(url)
    return create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=300)


def _make_folder(url: sa.URL) -> None:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def _on_connect(engine: sa.Engine) -> None:
    is_sqlite = engine.dialect.name == "sqlite"
    statements = [f"pragma {pragma}" for pragma in _PRAGMAS] if is_sqlite else SERVERS_END

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.commit()
