"""The cloud's memory: one SQLite database, every commit on disk before it is answered."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from orchestrator.localcloud.schema import METADATA

BUSY_TIMEOUT_MS = 30_000


def new_id() -> str:
    """An id that cannot be guessed."""
    return secrets.token_hex(16)


def timestamp(moment: datetime | None = None) -> str:
    """The moment (default: now) in UTC, in a form that sorts as text."""
    return (moment or datetime.now(UTC)).isoformat(timespec="microseconds")


class State:
    """Transactions on the database in `data_dir`. Safe to use from several threads."""

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
    engine = sa.create_engine(f"sqlite:///{path}")

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=wal", "synchronous=full", f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=on"):
            connection.execute(f"pragma {pragma}")

    METADATA.create_all(engine)
    return engine
