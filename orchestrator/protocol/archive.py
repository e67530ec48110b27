"""Zip archives: writing them in flat memory, and opening those that somebody else made.

Of these nothing leaves the folder and nothing grows beyond its bound: names, links, counts and declared sizes are
checked before the first byte is written, real sizes while writing.
"""

import errno
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from orchestrator.protocol.unreadable import Unreadable, UnsafeArchive

__all__ = ["Unreadable", "UnsafeArchive", "extract_safely", "safe_name", "store"]

BLOCK_BYTES = 1 << 20
MAX_NAME_CHARS = 1000
MAX_PART_BYTES = 255
# A central directory's entry is 46 bytes, its name and its extra fields. zipfile reads all of them at once.
_ENTRY_BYTES = 2048
# Control characters, other systems' separators, and a drive's letter.
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f\\]|^[A-Za-z]:")
_ENCRYPTED = 0x1 | 0x40
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    struct.error,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def extract_safely(archive: Path, into: Path, *, max_files: int, max_bytes: int, flat: bool = True) -> dict[str, Path]:
    """The files of a zip by their names in it, written below `into`; folders in it count as nothing.

    `flat` gives every file a harmless name of its own in `into`; else the files lie under the names they have.
    Raises UnsafeArchive (an escaping or doubled name, a link, more files or bytes than allowed) and Unreadable
    (not a zip, damaged, encrypted); then none of its files stays.
    """
    into.mkdir(parents=True, exist_ok=True)
    with archive.open("rb") as source, _translated():
        _check_directory_size(source, max_files)
        with zipfile.ZipFile(source) as opened:
            members = _members(opened, max_files, max_bytes)
            names = [member.filename for member in members]
            places = _flat_places(names, into) if flat else {name: into / PurePosixPath(name) for name in names}
            _write_all(opened, members, places, max_bytes)
    return places


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (UnsafeArchive, Unreadable):
        raise
    except (*_BROKEN, OSError) as error:
        # A damaged offset may point before the file's start: the one OSError that is the archive's own.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        reason = "not a zip archive, or a damaged one"
        raise Unreadable(reason) from error


def safe_name(name: str) -> str:
    """The name itself, where it is relative and stays below its folder on every system. Raises UnsafeArchive."""
    parts = name.split("/")
    if (
        len(name) > MAX_NAME_CHARS
        or _NOT_IN_NAMES.search(name)
        or any(part in ("", ".", "..") or len(part.encode(errors="replace")) > MAX_PART_BYTES for part in parts)
    ):
        reason = f"an unsafe name: {name[:80]!r}"
        raise UnsafeArchive(reason)
    return name


def store(archive: zipfile.ZipFile, name: str, content: bytes | Path) -> None:
    """Add a file, packed as the archive is, in blocks; the same content gives the same bytes."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = archive.compression
    # The size decides whether the entry needs zip64.
    entry.file_size = len(content) if isinstance(content, bytes) else content.stat().st_size
    with archive.open(entry, "w") as target:
        if isinstance(content, bytes):
            target.write(content)
            return
        with content.open("rb") as source:
            shutil.copyfileobj(source, target, BLOCK_BYTES)


def _check_directory_size(source: BinaryIO, max_files: int) -> None:
    """Refuse a directory of millions of entries before zipfile makes an object of each."""
    source.seek(0, 2)
    end = source.tell()
    source.seek(max(0, end - 22 - 0xFFFF - 76))
    tail = source.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + 22 > len(tail):
        reason = "not a zip archive, or one that was cut off"
        raise Unreadable(reason)
    (size,) = struct.unpack_from("<I", tail, at + 12)
    if at >= 76 and tail[at - 20 : at - 16] == b"PK\6\7" and tail[at - 76 : at - 72] == b"PK\6\6":
        (size,) = struct.unpack_from("<Q", tail, at - 76 + 40)
    if size > end:
        reason = "not a zip archive, or a damaged one"
        raise Unreadable(reason)
    if size > max_files * _ENTRY_BYTES:
        reason = f"more than {max_files} files"
        raise UnsafeArchive(reason)


def _members(opened: zipfile.ZipFile, max_files: int, max_bytes: int) -> list[zipfile.ZipInfo]:
    found = opened.infolist()
    if len(found) > max_files:
        reason = f"{len(found)} files, more than {max_files}"
        raise UnsafeArchive(reason)
    for member in found:
        _check_member(member)
    files = [member for member in found if not member.is_dir()]
    _check_names([member.filename for member in files])
    if sum(member.file_size for member in files) > max_bytes:
        reason = f"unpacks to more than {max_bytes} bytes"
        raise UnsafeArchive(reason)
    return files


def _check_member(member: zipfile.ZipInfo) -> None:
    safe_name(member.orig_filename.removesuffix("/"))
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        reason = f"{member.filename!r} is a link or a device"
        raise UnsafeArchive(reason)
    if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
        reason = f"{member.filename!r} is encrypted or packed in an unknown way"
        raise Unreadable(reason)


def _check_names(names: list[str]) -> None:
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    if len(set(names)) < len(names) or folders & set(names):
        reason = "two files of one name"
        raise UnsafeArchive(reason)


def _flat_places(names: list[str], into: Path) -> dict[str, Path]:
    """A file name of its own for each: the last part of its name, numbered where that is taken."""
    places: dict[str, Path] = {}
    taken: set[str] = set()
    for number, name in enumerate(names):
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", PurePosixPath(name).name).lstrip(".")[-100:] or "file"
        flat = plain if plain.casefold() not in taken else f"{number}-{plain}"
        taken.add(flat.casefold())
        places[name] = into / flat
    return places


def _write_all(
    opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], places: dict[str, Path], max_bytes: int
) -> None:
    left, written = max_bytes, []
    try:
        for member in members:
            place = places[member.filename]
            place.parent.mkdir(parents=True, exist_ok=True)
            with opened.open(member) as source, place.open("xb") as target:
                written.append(place)
                left -= _copy_bounded(source, target, left)
    except BaseException:
        for place in written:
            place.unlink()
        raise


def _copy_bounded(source: IO[bytes], target: BinaryIO, left: int) -> int:
    copied = 0
    while block := source.read(BLOCK_BYTES):
        copied += len(block)
        if copied > left:
            reason = "unpacks to more than it declares"
            raise UnsafeArchive(reason)
        target.write(block)
    return copied
