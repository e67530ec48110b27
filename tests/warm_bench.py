"""`bench` as a process of its own, forked from one that has its modules in memory already.

Starting an interpreter and importing is most of a short command's time, and tests run commands by the hundred. What is
forked runs the installed command's entry point with its own arguments, folder, environment and streams, and ends as an
interpreter ends. Commands that are signalled, or outlive the test's wait, are started in the ordinary way instead.
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
from collections.abc import Mapping
from pathlib import Path
from typing import IO

MOST_BYTES = 1 << 20


class WarmBench:
    """Runs commands, one after the other, until it is closed."""

    def __init__(self) -> None:
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._server = subprocess.Popen([sys.executable, __file__, str(other.fileno())], pass_fds=[other.fileno()])

    def run(
        self, arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str], timeout_s: float
    ) -> "subprocess.CompletedProcess[str]":
        """Runs `bench ARGUMENTS`; raises TimeoutExpired as subprocess.run does."""
        order = json.dumps([arguments, str(folder), dict(environment)]).encode()
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            socket.send_fds(self._socket, [order], [out.fileno(), err.fileno()])
            pid = int(self._socket.recv(MOST_BYTES))
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

    def close(self) -> None:
        """Ends the process that commands are forked from."""
        self._socket.close()
        self._server.wait()


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


def _serve(orders: socket.socket) -> None:
    """Forks a command for each order and answers with its pid, then its return code. Returns in the commands."""
    while (received := socket.recv_fds(orders, MOST_BYTES, 2))[0]:
        pid = os.fork()
        if not pid:
            _become(orders, *received[:2])
            return
        for fd in received[1]:
            os.close(fd)
        orders.send(str(pid).encode())
        orders.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
    os._exit(0)


def _become(orders: socket.socket, order: bytes, streams: list[int]) -> None:
    """Takes on what a started process is given."""
    orders.close()
    arguments, folder, environment = json.loads(order)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = [str(Path(sys.executable).with_name("bench")), *arguments]
    for fd, stream in enumerate(streams, 1):
        os.dup2(stream, fd)
        os.close(stream)


if __name__ == "__main__":
    _import_all()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from orchestrator.cli.main import entry_point

    entry_point()
