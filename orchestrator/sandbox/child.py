"""The parent's end: start a child in a process group of its own, listen, and kill the group at its limits."""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from orchestrator.sandbox.memory import memory_of
from orchestrator.sandbox.output import BadOutput, MessageLines, Tail

_LOOK_EVERY_S = 0.05
_BLOCK_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class ChildLimits:
    """What a child may use: time, processor time, memory, and the size of a file it writes."""

    wall_s: float
    memory_bytes: int
    cpu_s: int
    file_bytes: int


@dataclass(frozen=True, kw_only=True)
class ChildResult:
    """How a child ended.

    `killed` is "timeout", "memory", "output" (too much of it, or no JSON) or "stopped" (the caller's event); None
    where the child ended by itself. `returncode` is negative for a signal. `stderr` is its last part. `peak_mb` is
    the largest resident set, MB of 10^6 bytes, 0.0 where the system does not tell.
    """

    returncode: int
    killed: str | None
    messages: tuple[dict[str, Any], ...]
    stderr: str
    peak_mb: float
    wall_s: float


def run_child(
    module: str,
    spec: Mapping[str, Any],
    *,
    limits: ChildLimits,
    readable: Sequence[Path] = (),
    scratch: Path,
    on_message: Callable[[dict[str, Any]], None] | None = None,
    kill: threading.Event | None = None,
) -> ChildResult:
    """Runs `module`, whose main calls `inside.serve`, with `spec` (JSON) and waits for its end.

    The child may read `readable` and what lies below, and write the folder `scratch`, which is its working folder.
    `on_message` hears each message as it comes. Setting `kill` ends the child soon. Blocks the calling thread;
    leaves no process and no open file behind, also when `on_message` raises. POSIX systems only.
    """
    scratch = scratch.resolve()
    order = {
        "spec": dict(spec),
        "limits": asdict(limits),
        "readable": [str(path.resolve()) for path in readable],
        "scratch": str(scratch),
        "parent": os.getpid(),
    }
    with _start(module, order, scratch) as process:
        try:
            watch = _Watch(process, limits, on_message)
            killed = watch.listen(kill)
        finally:
            _kill_group(process.pid)
        if killed != "output":
            killed = watch.drain() or killed
        returncode = process.wait()
    return ChildResult(
        returncode=returncode,
        killed="timeout" if returncode == -signal.SIGXCPU else killed,
        messages=tuple(watch.messages),
        stderr=str(watch.stderr),
        peak_mb=watch.peak_mb,
        wall_s=time.monotonic() - watch.started_at,
    )


def _start(module: str, order: Mapping[str, Any], scratch: Path) -> subprocess.Popen[bytes]:
    environment = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "ORT_DISABLE_TELEMETRY": "1",
        "OPENBLAS_NUM_THREADS": "1",  # a thread older than Landlock's walls would stand outside them
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with tempfile.TemporaryFile(dir=scratch) as order_file:  # a pipe would block on a child that does not read
        order_file.write(json.dumps(order).encode())
        order_file.seek(0)
        return subprocess.Popen(
            [sys.executable, "-I", "-m", module],
            stdin=order_file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=scratch,
            start_new_session=True,
        )


def _kill_group(group: int) -> None:
    """Ends the child and all it started. It is not reaped yet, so that its number still means its group."""
    with suppress(ProcessLookupError, PermissionError):  # macOS refuses the second for a group of ended processes
        os.killpg(group, signal.SIGKILL)


class _Watch:
    """Listens to a running child and notices when it must end."""

    def __init__(
        self, process: subprocess.Popen[bytes], limits: ChildLimits, on_message: Callable[[dict[str, Any]], None] | None
    ) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.started_at = time.monotonic()
        self.messages: list[dict[str, Any]] = []
        self.stderr = Tail()
        self.peak_mb = 0.0
        self._lines = MessageLines()
        self._process = process
        self._limits = limits
        self._on_message = on_message
        self._listeners = {process.stdout.fileno(): self._hear, process.stderr.fileno(): self.stderr.feed}
        for stream in self._listeners:
            os.set_blocking(stream, False)

    def listen(self, kill: threading.Event | None) -> str | None:
        """Until the child has ended or must: why it must, None when it ended by itself."""
        with selectors.DefaultSelector() as selector, _exit_handle(self._process.pid) as handle:
            for stream in (*self._listeners, *handle):
                selector.register(stream, selectors.EVENT_READ)
            try:
                while not (reason := self._over_limit(kill)):
                    ready = [key.fd for key, _ in selector.select(_LOOK_EVERY_S)]
                    if self._ended(handle, ready):
                        break
                    for stream in ready:
                        if not self._take(stream):
                            selector.unregister(stream)
                return reason
            except BadOutput:
                return "output"

    def drain(self) -> str | None:
        """Takes what an ended child left in the pipes; "output" if it is too much or no JSON."""
        try:
            for stream in self._listeners:
                with suppress(BlockingIOError):  # empty, and a process that is being killed holds its other end
                    while self._take(stream):
                        pass
        except BadOutput:
            return "output"
        return None

    def _take(self, stream: int) -> bool:
        """One block of a stream; False at its end."""
        data = os.read(stream, _BLOCK_BYTES)
        self._listeners[stream](data)
        return bool(data)

    def _hear(self, data: bytes) -> None:
        for message in self._lines.feed(data):
            if message.get("stage") == "end" and isinstance(message.get("peak_mb"), float):
                self.peak_mb = max(self.peak_mb, message["peak_mb"])
                continue
            self.messages.append(message)
            if self._on_message:
                self._on_message(message)

    def _over_limit(self, kill: threading.Event | None) -> str | None:
        memory = memory_of(self._process.pid)
        self.peak_mb = max(self.peak_mb, memory.peak_mb)
        if kill and kill.is_set():
            return "stopped"
        if time.monotonic() - self.started_at > self._limits.wall_s:
            return "timeout"
        if memory.resident_mb * 1e6 > self._limits.memory_bytes:
            return "memory"
        return None

    def _ended(self, handle: Sequence[int], ready: Sequence[int]) -> bool:
        return handle[0] in ready if handle else self._process.poll() is not None


@contextmanager
def _exit_handle(process: int) -> Iterator[tuple[int, ...]]:
    """Linux's descriptor that becomes readable when a process ends and does not reap it; none elsewhere."""
    if not hasattr(os, "pidfd_open"):
        yield ()
        return
    handle = os.pidfd_open(process)
    try:
        yield (handle,)
    finally:
        os.close(handle)
