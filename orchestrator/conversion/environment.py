"""Makes the converter an environment of its own: another Python, and packages that must not meet ours."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from orchestrator.conversion.tool import COMMAND, TOOL, WANTED
from orchestrator.errors import UsageError

OLDEST_PYTHON = (3, 12)
_TOLD_LINES = 5


def make_environment(folder: Path, python: str, say: Callable[[str], None]) -> Path:
    """Makes it in `folder`, in place of what was there; the converter in it.

    pip asks the package index that the user has configured for it. Raises UsageError where anything fails; the folder
    is gone then, so that what is there works.
    """
    interpreter = shutil.which(python)
    if interpreter is None:
        message = f"there is no program {python!r}: name a Python {_words(OLDEST_PYTHON)} or newer, as in {COMMAND}"
        raise UsageError(message)
    _check_version(interpreter)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _run([interpreter, "-m", "venv", folder])
        say(f"installing {WANTED} into {folder} (about 700 MB)")
        _run([folder / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--quiet", WANTED])
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder / "bin" / TOOL


def _check_version(interpreter: str) -> None:
    ask = "import sys; print(*sys.version_info[:2])"
    found = _run([interpreter, "-I", "-c", ask]).split()
    if not all(part.isdecimal() for part in found) or tuple(map(int, found)) < OLDEST_PYTHON:
        message = f"{interpreter} is Python {'.'.join(found)[:20]}; {TOOL} needs {_words(OLDEST_PYTHON)} or newer"
        raise UsageError(message)


def _run(command: Sequence[str | Path]) -> str:
    """What it prints. Raises UsageError with the end of what it complained about."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        message = f"{command[0]} cannot be started: {error.strerror}"
        raise UsageError(message) from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()][-_TOLD_LINES:]
        message = "\n".join([f"{Path(command[0]).name} {command[1]} {command[2]} failed:", *lines])
        raise UsageError(message)
    return done.stdout


def _words(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
