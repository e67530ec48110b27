"""Bytes on disk: every file whole or not there at all, and never more of them than the quota.

A file is received under a name of its own in `incoming/`, flushed, renamed into `blobs/`, and exists from the moment
a row of the database says so. What a crash leaves behind has no row and is removed at the next start.
"""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool

from orchestrator.localcloud.ledger import Ledger
from orchestrator.localcloud.refusal import Refusal, file_too_large, storage_full
from orchestrator.localcloud.schema import artifacts, blobs, downloads, jobs, uploads
from orchestrator.localcloud.state import State, new_id

BATCH_BYTES = 2**20
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, kw_only=True)
class Blob:
    """Stored bytes. A Blob that no row was written for is the business of whoever received it."""

    id: str
    size_bytes: int


class BlobStore:
    """The files below `data_dir`, and the quota they share."""

    def __init__(self, state: State, data_dir: Path, *, quota_bytes: int) -> None:
        self._state = state
        self._incoming = data_dir / "incoming"
        self._blobs = data_dir / "blobs"
        for folder in (self._incoming, self._blobs):
            folder.mkdir(exist_ok=True, mode=0o700)
        self._ledger = Ledger(quota_bytes, used_bytes=self._remove_leftovers())

    def check_room(self, size_bytes: int) -> None:
        """Raises Refusal where a file of this size would go beyond the quota."""
        self._ledger.check(size_bytes)

    async def receive(
        self, body: AsyncIterator[bytes], *, announced_bytes: int | None, limit_bytes: int, stall_timeout_s: float
    ) -> Blob:
        """Stores a body as it arrives, in constant memory. What is announced comes whole, or the body raises.

        Raises Refusal: larger than `limit_bytes`, beyond the quota, or silent for `stall_timeout_s`.
        """
        if announced_bytes is not None and announced_bytes > limit_bytes:
            raise file_too_large(limit_bytes)
        with self._draft() as draft:
            draft.grow(announced_bytes or 0)
            async for batch in _batches(body, stall_timeout_s):
                if draft.size_bytes + len(batch) > limit_bytes:
                    raise file_too_large(limit_bytes)
                await run_in_threadpool(draft.write, batch)
            return await run_in_threadpool(self._keep, draft)

    def keep(self, path: Path, *, limit_bytes: int) -> Blob:
        """Moves a finished file of the same file system into the store. The quota never stands in a result's way."""
        size_bytes = path.stat().st_size
        if size_bytes > limit_bytes:
            raise file_too_large(limit_bytes)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        blob = Blob(id=new_id(), size_bytes=size_bytes)
        self._ledger.take(size_bytes, beyond_quota=True)
        self._put_in_place(path, blob)
        return blob

    @contextmanager
    def adopting(self, blob: Blob) -> Iterator[sa.Connection]:
        """A transaction in which the blob comes to exist and gets its owner; where that fails, its bytes go."""
        try:
            with self._state.write() as connection:
                connection.execute(sa.insert(blobs).values(id=blob.id, size_bytes=blob.size_bytes))
                yield connection
        except BaseException:
            self.discard(blob)
            raise

    def erase(self, connection: sa.Connection, blob_id: str | None) -> Blob | None:
        """Removes the row; after the commit, `discard` what this returns."""
        if blob_id is None:
            return None
        size_bytes = connection.execute(
            sa.delete(blobs).where(blobs.c.id == blob_id).returning(blobs.c.size_bytes)
        ).scalar_one()
        return Blob(id=blob_id, size_bytes=size_bytes)

    def erase_unused(self, connection: sa.Connection) -> list[Blob]:
        """Removes the rows that nothing points to; after the commit, `discard` what this returns."""
        held = [sa.exists().where(owner.c.blob_id == blobs.c.id) for owner in (artifacts, uploads, downloads, jobs)]
        rows = connection.execute(sa.delete(blobs).where(~sa.or_(*held)).returning(blobs))
        return [Blob(id=row.id, size_bytes=row.size_bytes) for row in rows]

    def size_of(self, connection: sa.Connection, blob_id: str | None) -> int | None:
        """The size in bytes, None where there is no blob."""
        return connection.execute(sa.select(blobs.c.size_bytes).where(blobs.c.id == blob_id)).scalar_one_or_none()

    def discard(self, blob: Blob | None) -> None:
        """Removes the bytes of a blob without a row."""
        if blob is not None:
            self.path(blob.id).unlink()
            self._ledger.give_back(blob.size_bytes)

    def open(self, blob_id: str) -> tuple[BinaryIO, int]:
        """The bytes, which stay readable even if they are discarded meanwhile, and how many they are.

        `blob_id` may be anything. Raises Refusal (404) where there is no such blob.
        """
        with self._state.read() as connection:
            size_bytes = self.size_of(connection, blob_id)
        if size_bytes is None:
            raise Refusal(404, "there is no such file")
        try:
            return self.path(blob_id).open("rb"), size_bytes
        except FileNotFoundError:  # discarded since we asked
            raise Refusal(404, "there is no such file") from None

    def path(self, blob_id: str) -> Path:
        """Where the bytes are; the id comes from a row, never from a request."""
        return self._blobs / blob_id

    @contextmanager
    def _draft(self) -> Iterator["_Draft"]:
        path = self._incoming / new_id()
        with path.open("xb", buffering=0) as file:
            draft = _Draft(file, path, self._ledger)
            try:
                yield draft
            except OSError as error:
                if error.errno in _DISK_FULL:
                    raise storage_full() from error
                raise
            finally:
                draft.close()

    def _keep(self, draft: "_Draft") -> Blob:
        draft.flush()
        blob = Blob(id=new_id(), size_bytes=draft.size_bytes)
        self._put_in_place(draft.path, blob)
        draft.reserved_bytes = 0  # the blob's from now on
        return blob

    def _put_in_place(self, path: Path, blob: Blob) -> None:
        path.rename(self.path(blob.id))
        descriptor = os.open(self._blobs, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _remove_leftovers(self) -> int:
        """Deletes files without a row and returns the bytes of those with one."""
        with self._state.read() as connection:
            sizes = {row.id: row.size_bytes for row in connection.execute(sa.select(blobs))}
        for path in [*self._incoming.iterdir(), *(p for p in self._blobs.iterdir() if p.name not in sizes)]:
            path.unlink()
        return sum(sizes.values())


class _Draft:
    """A file on its way in, and the part of the quota it holds."""

    def __init__(self, file: BinaryIO, path: Path, ledger: Ledger) -> None:
        self._file = file
        self._ledger = ledger
        self.path = path
        self.size_bytes = 0
        self.reserved_bytes = 0

    def grow(self, size_bytes: int) -> None:
        """Holds room for a file of `size_bytes` in all."""
        missing = max(0, size_bytes - self.reserved_bytes)
        self._ledger.take(missing)
        self.reserved_bytes += missing

    def write(self, batch: bytes) -> None:
        """Appends."""
        self.grow(self.size_bytes + len(batch))
        view = memoryview(batch)
        while view:
            view = view[self._file.write(view) :]
        self.size_bytes += len(batch)

    def flush(self) -> None:
        """Puts everything on disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Removes what was not kept."""
        self._ledger.give_back(self.reserved_bytes)
        self.path.unlink(missing_ok=True)


async def _batches(body: AsyncIterator[bytes], stall_timeout_s: float) -> AsyncIterator[bytes]:
    """The body in larger pieces, so that a thread is asked once a megabyte."""
    batch = bytearray()
    while True:
        try:
            async with asyncio.timeout(stall_timeout_s):
                chunk = await anext(body, None)
        except TimeoutError:
            raise Refusal(408, f"nothing arrived for {stall_timeout_s:g} seconds") from None
        if chunk is None:
            break
        batch += chunk
        if len(batch) >= BATCH_BYTES:
            yield bytes(batch)
            batch.clear()
    if batch:
        yield bytes(batch)
