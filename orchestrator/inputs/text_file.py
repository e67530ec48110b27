"""Reading a small text file that its user wrote: bounded, and with clear words when that fails."""

import stat
from pathlib import Path

from orchestrator.errors import PlanError, Problem

MAX_BYTES = 1 << 20


def read_text_file(path: Path) -> str:
    """The text of a plan, at most 1 MiB of UTF-8 (a byte order mark is dropped). Raises PlanError."""
    data = _read_bytes(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        message = "not UTF-8 text"
        problem = Problem(file=str(path), line=line, column=column, message=message, hint="save it as UTF-8")
        raise PlanError([problem]) from None


def _read_bytes(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError
        if not stat.S_ISREG(mode):  # opening a pipe might wait for ever
            raise _refused(path, "not a regular file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _refused(path, "there is no such file", hint="'bench init' writes a plan to start from") from None
    except IsADirectoryError:
        raise _refused(path, "this is a folder", hint="give the path of the plan file itself") from None
    except OSError as error:
        raise _refused(path, f"cannot be read: {(error.strerror or 'unknown reason').lower()}") from None
    if len(data) > MAX_BYTES:
        raise _refused(path, "larger than 1 MiB, which no plan needs to be")
    return data


def _refused(path: Path, message: str, hint: str = "") -> PlanError:
    return PlanError([Problem(file=str(path), message=message, hint=hint)])
