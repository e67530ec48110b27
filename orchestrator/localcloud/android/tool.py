"""LiteRT's `benchmark_model` for phones: installed in the state folder by its user, one for each kind of processor.

The file's name holds its hash, so that one that was damaged or replaced is noticed before it runs.
"""

import hashlib
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from orchestrator.errors import UsageError
from orchestrator.localcloud.android.trouble import Trouble

COMMAND = "bench cloud setup-android --benchmark-model PATH|URL --sha256 HASH"
MAX_BYTES = 256 << 20
WHERE = (
    "LiteRT's documentation links prebuilt ones (Performance measurement, 'native benchmark binary'): take the one\n"
    "for your phones' processor, such as android_aarch64; or build it from LiteRT's source:\n"
    "bazel build -c opt --config=android_arm64 //tflite/tools/benchmark:benchmark_model"
)

_NAME = re.compile(r"benchmark_model\.([0-9a-f]{64})")
_ABIS = {183: "arm64-v8a", 40: "armeabi-v7a", 62: "x86_64", 3: "x86"}  # by ELF's number of the machine
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Tool:
    """An installed binary and the processors it is for."""

    path: Path
    abi: str
    sha256: str


def installed(folder: Path) -> tuple[Tool, ...]:
    """All of them."""
    found = ((path, _NAME.fullmatch(path.name)) for path in sorted(folder.glob("*/benchmark_model.*")))
    return tuple(Tool(path=path, abi=path.parent.name, sha256=name[1]) for path, name in found if name)


def tool_for(abi: str, folder: Path) -> Tool:
    """The binary for a phone. Raises Trouble with the command that installs it, or that repairs it."""
    tool = next((tool for tool in installed(folder) if tool.abi == abi), None)
    if tool is None:
        message = f"there is no benchmark_model for {abi or 'its processor'} here yet: {COMMAND}"
        raise Trouble(message)
    with tool.path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != tool.sha256:
            message = f"the benchmark_model for {abi} is damaged; install it again: {COMMAND}"
            raise Trouble(message)
    return tool


def install(file: Path, sha256: str, folder: Path) -> Tool:
    """Takes the binary over, in place of an earlier one for the same processors. Raises UsageError, OSError.

    It is refused where its hash is not `sha256`, or where it is no program for a phone.
    """
    wanted = sha256.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", wanted):
        message = "--sha256 takes 64 hexadecimal digits: the hash that is published beside the file, or 'sha256sum'"
        raise UsageError(message)
    draft = folder / "benchmark_model.part"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _opened(file) as source, draft.open("wb") as target:
            found = _copy(source, target)
        if found != wanted:
            message = f"{file.name}: its sha256 is {found}, not {wanted}; nothing was installed"
            raise UsageError(message)
        return _put(draft, _abi_of(draft, file.name), wanted, folder)
    finally:
        draft.unlink(missing_ok=True)


def _opened(file: Path) -> BinaryIO:
    try:
        if file.is_file() and file.stat().st_size <= MAX_BYTES:
            return file.open("rb")
    except OSError as error:
        message = f"{file}: {error.strerror}"
        raise UsageError(message) from None
    message = f"{file}: larger than {MAX_BYTES >> 20} MiB" if file.exists() else f"{file}: there is no such file"
    raise UsageError(message)


def _copy(source: BinaryIO, target: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := source.read(_BLOCK_BYTES):
        digest.update(block)
        target.write(block)
    target.flush()
    os.fsync(target.fileno())
    return digest.hexdigest()


def _abi_of(file: Path, name: str) -> str:
    """By the header of the ELF format: its magic number, and the machine at byte 18 (little-endian)."""
    with file.open("rb") as opened:
        header = opened.read(20)
    machine = struct.unpack_from("<H", header, 18)[0] if len(header) == 20 and header[:4] == b"\x7fELF" else None
    if machine not in _ABIS:
        message = f"{name} is no program for an Android phone (no ELF file for {', '.join(_ABIS.values())})"
        raise UsageError(message)
    return _ABIS[machine]


def _put(draft: Path, abi: str, sha256: str, folder: Path) -> Tool:
    path = folder / abi / f"benchmark_model.{sha256}"
    path.parent.mkdir(exist_ok=True)
    draft.replace(path)
    for earlier in path.parent.glob("benchmark_model.*"):
        if earlier != path:
            earlier.unlink()
    return Tool(path=path, abi=abi, sha256=sha256)
