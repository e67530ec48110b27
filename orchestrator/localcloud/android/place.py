"""A job's folder on a phone: what is pushed there, checked there, and gone afterwards.

The tool lies beside it, pushed once; it goes when the cloud is stopped.
"""

import hashlib
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shlex import quote
from threading import Event

from orchestrator.localcloud.android.adb import QUICK_S, Adb, AdbError, Said, TookTooLong
from orchestrator.localcloud.android.tool import Tool
from orchestrator.localcloud.android.trouble import Trouble

LOG = logging.getLogger(__name__)
BASE = PurePosixPath("/data/local/tmp")
SLOWEST_BYTES_PER_S = 1 << 20

_JOBS, _TOOLS = "bench-job-", "bench-tool-"
_PID = "pid"
_TOLD_CHARS = 300


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder of its own on a phone. Methods raise AdbError, Trouble and Stopped."""

    adb: Adb
    serial: str
    job: str
    stop: Event | None

    @property
    def folder(self) -> PurePosixPath:
        """Where it is."""
        return BASE / f"{_JOBS}{self.job}"

    def make(self) -> None:
        """Makes it, and removes what jobs left whose phone went away under them: a phone has one job at a time."""
        self._sh(f"{_CLEAR}; mkdir -p {self.folder}")

    def put_tool(self, tool: Tool) -> PurePosixPath:
        """The tool on the phone; pushed only where it is not there yet."""
        path = BASE / f"{_TOOLS}{tool.sha256[:16]}"
        if self._sha256(path) != tool.sha256:
            self._put(tool.path, path, tool.sha256)
        return path

    def put(self, file: Path, name: str) -> PurePosixPath:
        """Pushes a file into the folder."""
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        self._put(file, self.folder / name, digest)
        return self.folder / name

    def fetch(self, name: str, into: Path, *, max_bytes: int) -> Path | None:
        """Pulls a file from the folder; None where there is none, or too much of it."""
        path = self.folder / name
        said = self.adb.shell(self.serial, f"wc -c < {path}", stop=self.stop)
        size = said.text.strip()
        if said.code or not size.isdigit() or not 0 < int(size) <= max_bytes:
            return None
        self.adb.pull(self.serial, str(path), into / name, timeout_s=_transfer_s(int(size)), stop=self.stop)
        return into / name

    def run(self, tool: PurePosixPath, arguments: Sequence[str], *, timeout_s: float) -> Said:
        """Runs the tool in the folder, where the number of its process is left. Raises TookTooLong with it ended."""
        words = " ".join(map(quote, [str(tool), *arguments]))
        line = f"cd {self.folder} && sh -c {quote(f'echo $$ > {_PID}; exec {words}')}"
        try:
            return self.adb.shell(self.serial, line, timeout_s=timeout_s, stop=self.stop)
        except TookTooLong:
            with suppress(AdbError):
                self.adb.shell(self.serial, _ending(self.folder))
            raise

    def remove(self) -> None:
        """Leaves nothing, also not the tool, which outlives its connection; of a phone that is away, the next job."""
        with suppress(AdbError):
            self.adb.shell(self.serial, f"{_ending(self.folder)}; rm -rf {self.folder}")

    def _put(self, file: Path, path: PurePosixPath, sha256: str) -> None:
        """Under its name only once it has arrived whole."""
        draft, seconds = f"{path}.part", _transfer_s(file.stat().st_size)
        try:
            self.adb.push(self.serial, file, draft, timeout_s=seconds, stop=self.stop)
            if self._sha256(PurePosixPath(draft)) != sha256:
                message = f"{path.name} arrived damaged on the phone: another sha256 than was sent"
                raise Trouble(message)
            self._sh(f"chmod 755 {draft} && mv {draft} {path}")
        except BaseException:
            with suppress(AdbError):
                self.adb.shell(self.serial, f"rm -f {draft}")
            raise

    def _sha256(self, path: PurePosixPath) -> str:
        """Of a file on the phone; "" where there is none."""
        said = self.adb.shell(self.serial, f"[ -f {path} ] && sha256sum {path}", timeout_s=_LONG_S, stop=self.stop)
        return said.text.split()[0] if not said.code and said.text.strip() else ""

    def _sh(self, command: str) -> None:
        said = self.adb.shell(self.serial, command, stop=self.stop)
        if said.code:
            told = " ".join(said.text[-_TOLD_CHARS:].split())
            message = f"the phone refused its storage: {told}"
            raise Trouble(message)


def leave_nothing(adb: Adb, serial: str) -> None:
    """Removes everything of ours from a phone, as far as it can be reached."""
    try:
        adb.shell(serial, f"{_CLEAR} {BASE}/{_TOOLS}*")
    except AdbError as error:
        LOG.warning("files may be left in %s of %s: %s", BASE, serial, error)


def _ending(folders: PurePosixPath | str) -> str:
    """The line that ends the tools of these folders. After a restart the number may be another process's."""
    is_ours = f"grep -q {_TOOLS} /proc/$p/cmdline"
    return f"for f in {folders}/{_PID}; do p=$(cat $f) && {is_ours} && kill -9 $p; done 2>/dev/null"


_CLEAR = f"{_ending(f'{BASE}/{_JOBS}*')}; rm -rf {BASE}/{_JOBS}*"
_LONG_S = 6 * QUICK_S  # a model of gigabytes is hashed


def _transfer_s(size_bytes: int) -> float:
    return QUICK_S + size_bytes / SLOWEST_BYTES_PER_S
