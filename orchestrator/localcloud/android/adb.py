"""The adb binary, called with argument lists. Which server it talks to, its own environment variables say."""

import importlib.util
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from orchestrator.errors import UsageError
from orchestrator.localcloud.android.trouble import ADVICE
from orchestrator.localcloud.sessions import Stopped

VARIABLE = "ADB"
MISSING = "adb is not here: pip install 'device-bench[android]', put adb on PATH, or set ADB to it"
MAX_OUTPUT_BYTES = 16 << 20
MAX_DEVICES = 100
QUICK_S = 20.0  # for what a phone answers at once; adb's first call starts its server, which takes seconds

_LOOK_EVERY_S = 0.05
_TOLD_CHARS = 2000
_AFTER_PATHS = "': "
_TRANSPORT = re.compile(r"\btransport_id:(\d{1,9})\b")
_STATE = re.compile(r"(?:device|detached|unknown|" + "|".join(ADVICE) + r")\b")


class AdbError(Exception):
    """adb did not do what was asked: the phone is not there, the connection was lost, or it took too long."""


class TookTooLong(AdbError):
    """It was cut short at its time limit."""


@dataclass(frozen=True, kw_only=True)
class Attached:
    """A line of adb's list; `transport` is another number after every attachment."""

    serial: str
    state: str
    transport: str

    @property
    def is_ready(self) -> bool:
        """Whether it takes commands."""
        return self.state == "device"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command on a phone printed (both streams) and its exit code."""

    text: str
    code: int


def find_adb(environ: Mapping[str, str]) -> Path | None:
    """The binary of $ADB, of PATH, or of the package adbutils. Raises UsageError where $ADB is none."""
    if given := environ.get(VARIABLE):
        if found := shutil.which(given):
            return Path(found)
        message = f"{VARIABLE} is set to {given!r}, which is no program"
        raise UsageError(message)
    if found := shutil.which("adb", path=environ.get("PATH")):
        return Path(found)
    package = importlib.util.find_spec("adbutils")
    folders = package.submodule_search_locations if package else None
    return next((path for folder in folders or () if os.access(path := Path(folder, "binaries/adb"), os.X_OK)), None)


@dataclass(frozen=True, kw_only=True)
class Adb:
    """The binary. Every call blocks, is bounded, and raises AdbError, or Stopped soon after `stop` was set."""

    binary: Path

    def version(self) -> str:
        """What it says of itself, such as "36.0.0-13206524"."""
        found = re.search(r"^Version ([\w.-]{1,60})", self._run(["version"], timeout_s=QUICK_S), re.MULTILINE)
        return found[1] if found else "of an unknown version"

    def devices(self, stop: Event | None = None) -> tuple[Attached, ...]:
        """All that adb sees, usable or not; starts adb's server where none runs."""
        return parse_devices(self._run(["devices", "-l"], timeout_s=QUICK_S, stop=stop))

    def shell(self, serial: str, command: str, *, timeout_s: float = QUICK_S, stop: Event | None = None) -> Said:
        """Runs a command line on a phone. Only what comes with its exit code has come to its end."""
        mark = secrets.token_hex(8)
        line = f"( {command} ) 2>&1\nprintf '\\n%s %s\\n' {mark} $?"
        text = self._run(["-s", serial, "shell", line], timeout_s=timeout_s, stop=stop).replace("\r\n", "\n")
        said, found, code = text.rpartition(f"\n{mark} ")
        if not found or not code.strip().isdigit():
            message = f"the connection was lost ({_reason(text)})"
            raise AdbError(message)
        return Said(text=said, code=int(code))

    def push(self, serial: str, file: Path, to: str, *, timeout_s: float, stop: Event | None = None) -> None:
        """Copies a file to a phone."""
        with _without_paths(f"sending {file.name}"):
            self._run(["-s", serial, "push", str(file), to], timeout_s=timeout_s, stop=stop)

    def pull(self, serial: str, path: str, to: Path, *, timeout_s: float, stop: Event | None = None) -> None:
        """Copies a file from a phone."""
        with _without_paths(f"fetching {to.name}"):
            self._run(["-s", serial, "pull", path, str(to)], timeout_s=timeout_s, stop=stop)

    def _run(self, arguments: Sequence[str], *, timeout_s: float, stop: Event | None = None) -> str:
        """What it printed. A `shell` that fails is told apart by its missing mark, any other by its exit code."""
        with tempfile.TemporaryFile() as printed:  # a pipe would also be held by the server that adb may start
            with subprocess.Popen(
                [str(self.binary), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C ends the run, which then ends this
            ) as process:
                try:
                    _wait(process, printed.fileno(), time.monotonic() + timeout_s, stop)
                finally:
                    process.kill()
            printed.seek(0)
            text = printed.read(MAX_OUTPUT_BYTES).decode(errors="replace")
        if process.returncode and "shell" not in arguments:
            raise AdbError(_reason(text))
        return text


def _wait(process: "subprocess.Popen[bytes]", printed: int, deadline_s: float, stop: Event | None) -> None:
    while process.poll() is None:
        if stop and stop.is_set():
            raise Stopped
        if time.monotonic() > deadline_s:
            message = "no answer in time"
            raise TookTooLong(message)
        if os.fstat(printed).st_size > MAX_OUTPUT_BYTES:
            message = f"it printed more than {MAX_OUTPUT_BYTES >> 20} MiB"
            raise AdbError(message)
        try:
            process.wait(_LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            continue


def parse_devices(text: str) -> tuple[Attached, ...]:
    """The lines of `adb devices -l`; those that are none (of the server's start, say) are left out."""
    return tuple(found for line in text.splitlines()[: 2 * MAX_DEVICES] if (found := _attached(line)))[:MAX_DEVICES]


def _attached(line: str) -> Attached | None:
    serial, _, rest = line.strip().partition("\t" if "\t" in line else " ")
    state = _STATE.match(rest.strip())
    if not state or not serial or not serial.isprintable() or len(serial) > 200:
        return None
    transport = _TRANSPORT.search(rest)
    return Attached(serial=serial, state=state[0], transport=transport[1] if transport else "")


@contextmanager
def _without_paths(doing: str) -> Iterator[None]:
    """adb names both files in full before it says why it could not copy them."""
    try:
        yield
    except AdbError as error:
        message = f"{doing}: {str(error).rpartition(_AFTER_PATHS)[2]}"
        raise type(error)(message) from None


def _reason(text: str) -> str:
    """adb's last word on an error, where it has one: what it sums up on its other stream may come after it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["without a word"]
    last = next((line for line in reversed(lines) if "error:" in line), lines[-1])
    return "".join(letter if letter.isprintable() else " " for letter in last[:_TOLD_CHARS])
