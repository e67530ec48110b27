"""`bench` as a process of its own, forked from one that has its modules in memory already.

Starting an interpreter and importing is most of a short command's time, and tests run commands by the hundred. What is
forked runs the installed command's entry point with its own arguments, folder, environment and streams, and ends as an
interpreter ends. Commands whose progress is read while they run are started in the ordinary way instead.
"""

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

MOST_BYTES = 1 << 20


class WarmBench:
    """Runs commands, one after the other, and starts others beside them, until it is closed."""

    def __init__(self) -> None:
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._server = subprocess.Popen([sys.executable, __file__, str(other.fileno())], pass_fds=[other.fileno()])

    def run(
        self, arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str], timeout_s: float
    ) -> "subprocess.CompletedProcess[str]":
        """Runs `bench ARGUMENTS`; raises TimeoutExpired as subprocess.run does."""
        order = {"arguments": arguments, "folder": str(folder), "environment": dict(environment)}
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            pid = self._forked(order | {"is_awaited": True}, out, err)
            self._socket.settimeout(timeout_s)
            try:
                code = int(self._socket.recv(MOST_BYTES))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                self._socket.settimeout(None)
                self._socket.recv(MOST_BYTES)
                raise subprocess.TimeoutExpired(arguments, timeout_s, _read(out), _read(err)) from None
            self._socket.settimeout(None)
            return subprocess.CompletedProcess(arguments, code, _read(out), _read(err))

    def start(
        self, arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str], log: Path, *, first: str = ""
    ) -> "Started":
        """Starts `bench ARGUMENTS`, which adds to the log what it prints; `first` is Python code it begins with."""
        order = {"arguments": arguments, "folder": str(folder), "environment": dict(environment), "first": first}
        with log.open("a") as out:
            return Started(self, self._forked(order, out, out))

    def poll(self, pid: int) -> int | None:
        """The return code of what was started, None while it runs."""
        self._socket.send(json.dumps(pid).encode())
        code: int | None = json.loads(self._socket.recv(MOST_BYTES))
        return code

    def _forked(self, order: dict[str, Any], out: IO[str], err: IO[str]) -> int:
        socket.send_fds(self._socket, [json.dumps(order).encode()], [out.fileno(), err.fileno()])
        return int(self._socket.recv(MOST_BYTES))

    def close(self) -> None:
        """Ends the process that commands are forked from."""
        self._socket.close()
        self._server.wait()


@dataclass
class Started:
    """A command that was started, with what tests use of a Popen."""

    warm: WarmBench
    pid: int
    returncode: int | None = None

    def poll(self) -> int | None:
        """Its return code, None while it runs."""
        if self.returncode is None:
            self.returncode = self.warm.poll(self.pid)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends it a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float) -> int:
        """Waits until it has ended; its return code. Raises TimeoutExpired."""
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.02)
        return code


def _read(stream: IO[str]) -> str:
    stream.seek(0)
    return stream.read()


def _import_all() -> None:
    """The project's modules and so the libraries they use, but for those of children that open models."""
    import orchestrator

    sys.modules["onnxruntime"] = None  # type: ignore[assignment]  # it starts a thread, which no fork survives
    for module in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
        if not module.name.endswith(("__main__", "migrations.env")):
            with contextlib.suppress(ImportError):
                importlib.import_module(module.name)
    del sys.modules["onnxruntime"]
    gc.freeze()


def _serve(orders: socket.socket) -> str:
    """Forks a command for each order and answers with its pid; then its return code, at once or when asked by the pid.

    Returns in the commands, with what each begins with.
    """
    while (received := socket.recv_fds(orders, MOST_BYTES, 2))[0]:
        order = json.loads(received[0])
        if isinstance(order, int):
            orders.send(json.dumps(_code_of(order, os.WNOHANG)).encode())
            continue
        pid = os.fork()
        if not pid:
            _become(orders, order, received[1])
            return str(order.get("first", ""))
        for fd in received[1]:
            os.close(fd)
        orders.send(str(pid).encode())
        if "is_awaited" in order:
            orders.send(str(_code_of(pid, 0)).encode())
    os._exit(0)


def _code_of(pid: int, options: int) -> int | None:
    ended, status = os.waitpid(pid, options)
    return os.waitstatus_to_exitcode(status) if ended else None


def _become(orders: socket.socket, order: dict[str, Any], streams: list[int]) -> None:
    """Takes on what a started process is given."""
    orders.close()
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.argv = [str(Path(sys.executable).with_name("bench")), *order["arguments"]]
    for fd, stream in enumerate(streams, 1):
        os.dup2(stream, fd)
        os.close(stream)


if __name__ == "__main__":
    _import_all()
    exec(_serve(socket.socket(fileno=int(sys.argv[1]))))
    from orchestrator.cli.main import entry_point

    entry_point()
