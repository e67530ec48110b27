"""Calls the converter on one model, in a child with bounds on everything; what it leaves is suspect until looked at."""

import stat
import tempfile
import threading
from pathlib import Path

from orchestrator.conversion.tool import TOOL, Tool
from orchestrator.conversion.tool_child import MODEL, OUTPUT
from orchestrator.domain.model import Model
from orchestrator.sandbox.child import ChildLimits, ChildResult, run_child

_LEAST_MEMORY_BYTES, _MEMORY_FOR_BYTE = 3 << 30, 24
_LEAST_FILE_BYTES, _FILE_FOR_BYTE = 64 << 20, 4
_PROCESSORS = 8  # it may compute on so many at once
_FILES = "*_float32.tflite"
_TOLD_CHARACTERS = 300


class NotConverted(Exception):
    """The model has no conversion, and why, in words for its owner."""


def memory_limit_bytes(model: Model) -> int:
    """What the tool may take for a model: several times what was seen (14 bytes for each of the file's and 0.4 GB)."""
    return _LEAST_MEMORY_BYTES + _MEMORY_FOR_BYTE * model.size_bytes


def call_tool(
    tool: Tool,
    model: Model,
    options: tuple[str, ...],
    *,
    into: Path,
    timeout_s: float,
    memory_bytes: int,
    kill: threading.Event,
) -> float:
    """Writes the converted model to `into`; the seconds that it took. Raises NotConverted.

    The file is plain and no larger than a conversion can be; what is in it, nobody has looked at.
    """
    limits = ChildLimits(
        wall_s=timeout_s,
        memory_bytes=memory_bytes,
        cpu_s=int(timeout_s * _PROCESSORS) + 1,
        file_bytes=_LEAST_FILE_BYTES + _FILE_FOR_BYTE * model.size_bytes,
    )
    files = {file.relative_to(model.path.parent).as_posix(): file for file in model.external_files}
    named = {name: str(file.resolve()) for name, file in {**files, MODEL: model.path}.items()}
    with tempfile.TemporaryDirectory(prefix="tool-", dir=into.parent) as folder:
        scratch = Path(folder)
        result = run_child(
            "orchestrator.conversion.tool_child",
            {"tool": str(tool.path), "files": named, "options": options},
            limits=limits,
            readable=(*tool.readable, model.path, *model.external_files),
            scratch=scratch,
            kill=kill,
        )
        if result.returncode or result.killed:
            raise NotConverted(_why(result, limits))
        _only_file(scratch / OUTPUT, limits.file_bytes).rename(into)
    return result.wall_s


def _only_file(folder: Path, most_bytes: int) -> Path:
    found = sorted(folder.glob(_FILES)) if folder.is_dir() and not folder.is_symlink() else []
    if len(found) != 1:
        message = f"{TOOL} ended well and left {len(found) or 'no'} files like {_FILES}"
        raise NotConverted(message)
    told = found[0].lstat()
    if not stat.S_ISREG(told.st_mode) or not 0 < told.st_size <= most_bytes:
        message = f"{TOOL} left something that is no model ({told.st_size} bytes)"
        raise NotConverted(message)
    return found[0]


def _why(result: ChildResult, limits: ChildLimits) -> str:
    """In words: the bound that it met, else the last line that it wrote."""
    if result.killed == "timeout":
        return f"{TOOL} took more than {limits.wall_s:.0f} s"
    if result.killed == "memory":
        return f"{TOOL} took more than {limits.memory_bytes >> 20} MiB of memory"
    if result.killed == "output":
        return f"{TOOL} wrote more than is read of it"
    if result.killed == "stopped":
        return f"{TOOL} was stopped"
    last = result.messages[-1] if result.messages else {}
    if last.get("stage") == "error":
        return f"{TOOL} could not be started: {last.get('message')}"
    return f"{TOOL} failed (exit status {result.returncode}): {_last_words(result.stderr)}"


def _last_words(text: str) -> str:
    """The last line that is no progress bar, without what steers a terminal."""
    plain = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    lines = [" ".join(line.split()) for line in plain.splitlines() if line.strip() and "it/s" not in line]
    return (lines[-1] if lines else "it said nothing")[-_TOLD_CHARACTERS:]
