"""Files that appear under their name whole and on disk, or not at all."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from orchestrator.errors import NotStored

BLOCK_BYTES = 1 << 20
UNFINISHED = ".unfinished"


class HashingFile:
    """Takes bytes into a file, and knows their hash and number."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def write(self, block: bytes) -> None:
        """Appends the bytes."""
        self._file.write(block)
        self._digest.update(block)
        self.size_bytes += len(block)

    @property
    def sha256(self) -> str:
        """Of all that was written so far."""
        return self._digest.hexdigest()

    def check(self, sha256: str, name: str) -> None:
        """Raises NotStored where that is not the hash; "" is any. `name` is the file's in the store."""
        if sha256 not in ("", self.sha256):
            message = f"{name} in the store is damaged: it is not what was put there"
            raise NotStored(message)


@contextmanager
def whole_file(to: Path) -> Iterator[HashingFile]:
    """A file to write beside `to`, which becomes `to` if the block ends well and is gone otherwise. Raises OSError."""
    to.parent.mkdir(parents=True, exist_ok=True)
    draft = to.with_name(f".{secrets.token_hex(8)}{UNFINISHED}")
    try:
        with draft.open("xb") as file:
            yield HashingFile(file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(to)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(to.parent)


def blocks(path: Path) -> Iterator[bytes]:
    """The content of a file, a mebibyte at a time. Raises OSError."""
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
