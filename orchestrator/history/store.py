"""Where files are kept that must outlive a run or be seen by other machines: a folder, or a bucket that speaks S3.

A file in the store is whole or not there. Names are relative, with slashes between their parts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from orchestrator.errors import StoreError, UsageError
from orchestrator.history.whole_file import UNFINISHED

VARIABLE = "BENCH_STORE_URL"
_LONGEST_PART_BYTES = 255
_LONGEST_NAME_BYTES = 900  # S3 keys have 1024, with the prefix


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A file as it lies in the store; `uri` says where, for people and for other programs."""

    uri: str
    sha256: str
    size_bytes: int


class Store(Protocol):
    """Keeps files. Every method raises StoreError where the store cannot be used or the name is none."""

    async def put(self, name: str, path: Path) -> StoredFile:
        """Keeps a copy of the file in `path`, in place of what had that name."""

    async def fetch(self, name: str, to: Path, *, sha256: str = "") -> None:
        """Copies a file out; `to` appears whole and on disk, or not at all.

        Raises NotStored where there is none, or its content has another hash than the one given.
        """

    async def size(self, name: str) -> int | None:
        """How many bytes the file has; None where there is none."""

    async def has(self, name: str) -> bool:
        """Whether there is such a file."""

    async def names(self, folder: str) -> tuple[str, ...]:
        """The names of all files below a folder, sorted."""

    async def remove(self, name: str) -> None:
        """Takes a file out. One that is not there is no error."""


async def open_store(url: str, environ: Mapping[str, str]) -> Store:
    """The store at a folder's path, `file://...` or `s3://bucket/prefix`, found to be usable.

    Raises UsageError where the address or what it needs is wrong, StoreError where the bucket cannot be used.
    """
    if url.startswith("s3://"):
        try:
            from orchestrator.history.bucket_store import open_bucket
        except ModuleNotFoundError as error:
            message = f"a store in a bucket needs the package {error.name!r}: pip install 'device-bench[s3]'"
            raise UsageError(message) from None
        return await open_bucket(url, environ)
    from orchestrator.history.folder_store import open_folder

    return await open_folder(_folder_of(url) if "://" in url else Path(url).absolute())


def _folder_of(url: str) -> Path:
    """The folder of a file URL. Others are not repeated in the message: they may hold a password."""
    path = url.removeprefix("file://").removeprefix("localhost")
    if not url.startswith("file://") or not path.startswith("/"):
        message = f"{VARIABLE} is no store: expected a folder, file:///folder or s3://bucket/prefix"
        raise UsageError(message)
    return Path(unquote(path))


def checked_name(name: str) -> str:
    """The name, if it stays inside the store and every kind of store can hold it. Raises StoreError."""
    is_plain = name.isprintable() and "\\" not in name and not name.endswith(UNFINISHED)
    if not is_plain or len(name.encode()) > _LONGEST_NAME_BYTES or not all(map(_is_part, name.split("/"))):
        message = f"{name[:100]!r} is no name for a file in the store"
        raise StoreError(message)
    return name


def _is_part(part: str) -> bool:
    return part not in ("", ".", "..") and len(part.encode()) <= _LONGEST_PART_BYTES
