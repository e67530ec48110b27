"""Files on their way: read and written in blocks, beside the event loop, in memory that does not grow with them."""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from orchestrator.errors import TransferBroken

BLOCK_BYTES = 1 << 20
SLOW = httpx.Timeout(60.0, connect=10.0, pool=None)
GRACE_S = 300.0
LEAST_BYTES_PER_S = 64 * 1024
MOST_TRIES = 12  # about three minutes of waiting, where each fails at once


class Unrepeatable(TransferBroken):
    """A transfer that would fail in the same way again: too large, or this computer's own disk is at fault."""


def allowed_s(size_bytes: int) -> float:
    """How long a transfer of that size may take, with all its tries: a drip that never ends is no transfer."""
    return GRACE_S + size_bytes / LEAST_BYTES_PER_S


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A file that arrived whole."""

    path: Path
    sha256: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class OpenFile:
    """A file to be sent, as often as it takes; only one sender at a time."""

    file: BinaryIO
    size_bytes: int

    async def blocks(self) -> AsyncIterator[bytes]:
        """The file from its start, no more than its first size: what is sent is what was announced."""
        left = self.size_bytes
        await asyncio.to_thread(self.file.seek, 0)
        while left and (block := await asyncio.to_thread(self.file.read, min(left, BLOCK_BYTES))):
            left -= len(block)
            yield block


@contextmanager
def open_file(path: Path) -> Iterator[OpenFile]:
    """Opens a file for sending. Raises Unrepeatable where it cannot be read."""
    with _on_disk(path):
        file = path.open("rb")
    with file:
        yield OpenFile(file=file, size_bytes=os.fstat(file.fileno()).st_size)


async def save(
    chunks: AsyncIterator[bytes], to: Path, *, max_bytes: int, announced_bytes: int | None = None
) -> Fetched:
    """Writes what arrives under a temporary name and, when all of it is on the disk, under its own.

    Raises TransferBroken where it is not as long as announced, Unrepeatable beyond `max_bytes` or where the disk
    does not take it; then nothing stays.
    """
    part = to.with_name(f".{to.name}.{secrets.token_hex(4)}.part")
    with _on_disk(part):
        await asyncio.to_thread(to.parent.mkdir, parents=True, exist_ok=True)
        file = await asyncio.to_thread(part.open, "xb")
    try:
        with file:
            fetched = await _write(chunks, file, to, max_bytes)
        _check_length(fetched, announced_bytes)
        with _on_disk(to):
            await asyncio.to_thread(part.replace, to)
    finally:
        part.unlink(missing_ok=True)
    return fetched


def _check_length(fetched: Fetched, announced_bytes: int | None) -> None:
    if announced_bytes not in (None, fetched.size_bytes):
        message = f"{fetched.path.name}: {fetched.size_bytes} of {announced_bytes} bytes arrived"
        raise TransferBroken(message)


async def _write(chunks: AsyncIterator[bytes], file: BinaryIO, to: Path, max_bytes: int) -> Fetched:
    digest, size_bytes = hashlib.sha256(), 0

    def take(chunk: bytes) -> None:
        with _on_disk(to):
            file.write(chunk)
        digest.update(chunk)

    async for chunk in chunks:
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            message = f"{to.name} is larger than {max_bytes} bytes"
            raise Unrepeatable(message)
        await asyncio.to_thread(take, chunk)
    with _on_disk(to):
        await asyncio.to_thread(_flush, file)
    return Fetched(path=to, sha256=digest.hexdigest(), size_bytes=size_bytes)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def _on_disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise Unrepeatable(message) from error
