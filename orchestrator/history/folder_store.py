"""The store in a folder: of this computer, or one that several share."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from orchestrator.errors import NotStored, StoreError, UsageError
from orchestrator.history.store import VARIABLE, StoredFile, checked_name
from orchestrator.history.whole_file import UNFINISHED, HashingFile, blocks, whole_file

T = TypeVar("T")


async def open_folder(folder: Path) -> "FolderStore":
    """The store in that folder, which is made if need be. Raises UsageError where it cannot be."""
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    except OSError as error:
        message = f"the store {folder} cannot be made: {error.strerror}; {VARIABLE} names another"
        raise UsageError(message) from None
    return FolderStore(folder)


class FolderStore:
    """Files below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, path: Path) -> StoredFile:
        """Keeps a copy of the file in `path`."""
        return await self._do(f"{path} cannot be kept", lambda: _keep(path, self._place(name)))

    async def fetch(self, name: str, to: Path, *, sha256: str = "") -> None:
        """Copies a file out."""
        await self._do(f"{name} cannot be fetched", lambda: _take_out(self._place(name), name, to, sha256))

    async def size(self, name: str) -> int | None:
        """How many bytes the file has; None where there is none."""
        return await self._do(f"{name} cannot be looked for", lambda: _size(self._place(name)))

    async def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return await self.size(name) is not None

    async def names(self, folder: str) -> tuple[str, ...]:
        """The names of all files below a folder, sorted."""
        return await self._do(f"{folder} cannot be listed", lambda: self._names(self._place(folder)))

    async def remove(self, name: str) -> None:
        """Takes a file out. Its folder stays: somebody may be putting a file there."""
        await self._do(f"{name} cannot be removed", lambda: self._place(name).unlink(missing_ok=True))

    def _place(self, name: str) -> Path:
        return self._folder / checked_name(name)

    def _names(self, folder: Path) -> tuple[str, ...]:
        files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != UNFINISHED)
        return tuple(sorted(path.relative_to(self._folder).as_posix() for path in files))

    async def _do(self, what: str, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            message = f"{what}: {error.strerror or error} (store {self._folder}; {VARIABLE} names another)"
            raise StoreError(message) from None


def _keep(path: Path, place: Path) -> StoredFile:
    with whole_file(place) as file:
        _copy(path, file)
    return StoredFile(uri=place.as_uri(), sha256=file.sha256, size_bytes=file.size_bytes)


def _take_out(place: Path, name: str, to: Path, sha256: str) -> None:
    if not place.is_file():
        message = f"{name} is not in the store (any more)"
        raise NotStored(message)
    with whole_file(to) as file:
        _copy(place, file)
        file.check(sha256, name)


def _copy(path: Path, file: HashingFile) -> None:
    for block in blocks(path):
        file.write(block)


def _size(place: Path) -> int | None:
    return place.stat().st_size if place.is_file() else None
