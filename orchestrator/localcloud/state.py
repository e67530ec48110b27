"""The cloud's memory: one SQLite database, every commit on disk before it is answered."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from orchestrator.errors import UsageError
from orchestrator.localcloud.schema import METADATA, VERSION

BUSY_TIMEOUT_MS = 30_000


def new_id() -> str:
    """An id that cannot be guessed."""
    return secrets.token_hex(16)


def timestamp(moment: datetime | None = None) -> str:
    """The moment (default: now) in UTC, in a form that sorts as text."""
    return (moment or datetime.now(UTC)).isoformat(timespec="microseconds")


class State:
    """Transactions on the database in `data_dir`. Safe to use from several threads.

    Raises UsageError where the database is another version's, SQLAlchemyError or OSError where there can be none.
    """

    def __init__(self, data_dir: Path) -> None:
        self._engine = _open(data_dir / "cloud.db")
        self._writing = threading.Lock()  # SQLite's own waiting for the write lock is by sleeping, and unfair

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """For reading; changes made in it are not kept."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """All or nothing: committed at the end, rolled back on an exception."""
        with self._writing, self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()


def _open(path: Path) -> sa.Engine:
    path.touch(mode=0o600)
    engine = sa.create_engine(f"sqlite:///{path}")

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=wal", "synchronous=full", f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=on"):
            connection.execute(f"pragma {pragma}")

    try:
        with engine.begin() as connection:
            _make_tables(connection, path)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _make_tables(connection: sa.Connection, path: Path) -> None:
    found = connection.exec_driver_sql("pragma user_version").scalar_one()
    if found not in (0, VERSION):
        message = f"{path} is another version's ({found}, not {VERSION}): choose another data folder"
        raise UsageError(message)
    METADATA.create_all(connection)
    connection.exec_driver_sql(f"pragma user_version = {VERSION}")
