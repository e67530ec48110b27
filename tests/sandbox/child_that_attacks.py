"""A child module for the tests: does the one thing its spec names, inside the walls."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestrator.sandbox.inside import Say, serve
from orchestrator.sandbox.memory import memory_of


def attempt(action: Callable[[], Any]) -> str:
    try:
        return repr(action())
    except OSError as error:
        return type(error).__name__


def open_connection(host: str, port: int) -> str:
    with socket.create_connection((host, port), timeout=5):
        return "connected"


def read(spec: dict[str, Any], say: Say) -> None:
    say(answers=[attempt(Path(path).read_text) for path in spec["paths"]])


def write(spec: dict[str, Any], say: Say) -> None:
    say(answers=[attempt(lambda path=path: Path(path).write_text("x")) for path in spec["paths"]])


def connect(spec: dict[str, Any], say: Say) -> None:
    kinds = [(family, kind) for family in (2, 10, 1) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)]
    answers = [attempt(lambda kind=kind: socket.socket(*kind)) for kind in kinds]
    say(answers=[attempt(lambda: open_connection("127.0.0.1", spec["port"])), *answers])


def read_from_a_thread(spec: dict[str, Any], say: Say) -> None:
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(attempt(Path(spec["path"]).read_text)))
    thread.start()
    thread.join()
    say(answers=answers)


def allocate(spec: dict[str, Any], say: Say) -> None:
    say(size=len(bytearray(spec["bytes"])))


def map_shared(spec: dict[str, Any], say: Say) -> None:
    """RLIMIT_DATA does not count this memory; the parent's watch does."""
    import mmap

    with mmap.mmap(-1, spec["bytes"], flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS) as memory:
        for place in range(0, spec["bytes"], 4096):
            memory[place] = 1
        time.sleep(60)


def touch(spec: dict[str, Any], say: Say) -> None:
    block = b"\1" * spec["bytes"]
    say(size=len(block))


def reset_peak(spec: dict[str, Any], say: Say) -> None:
    block = b"\1" * spec["bytes"]
    before = memory_of().peak_mb
    del block
    Path("/proc/self/clear_refs").write_text("5")
    say(peaks_mb=[before, memory_of().peak_mb])


def sleep(spec: dict[str, Any], say: Say) -> None:
    say(asleep=True)
    time.sleep(60)


def spin(spec: dict[str, Any], say: Say) -> None:
    while True:
        pass


def flood_stdout(spec: dict[str, Any], say: Say) -> None:
    while True:
        say(text="x" * 10_000)


def flood_stderr(spec: dict[str, Any], say: Say) -> None:
    while True:
        os.write(2, b"x" * 10_000)


def close_pipes(spec: dict[str, Any], say: Say) -> None:
    os.closerange(0, 64)
    time.sleep(60)


def babble(spec: dict[str, Any], say: Say) -> None:
    """Past `say`, as a child that was taken over could."""
    for handle in sorted(int(path.name) for path in Path("/proc/self/fd").iterdir())[3:]:
        with suppress(OSError):
            os.write(handle, spec["text"].encode())
    time.sleep(60)


def fork(spec: dict[str, Any], say: Say) -> None:
    """Leaves a child behind that would live on, and tells its number."""
    number = os.fork()
    if not number:
        left = [attempt(os.setsid), attempt(os.setpgrp)]
        say(child=os.getpid(), answers=left)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
        os._exit(0)
    if spec["wait"]:
        time.sleep(60)
    time.sleep(0.3)  # so that the child has spoken; if not, the test fails on the missing message


def fill_the_disk(spec: dict[str, Any], say: Say) -> None:
    say(answers=[attempt(lambda: Path("big").write_bytes(b"x" * spec["bytes"]))])


def fail(spec: dict[str, Any], say: Say) -> None:
    msg = "this went wrong" + "!" * spec["length"]
    raise ValueError(msg)


def say_nan(spec: dict[str, Any], say: Say) -> None:
    say(value=float("nan"))


def die(spec: dict[str, Any], say: Say) -> None:
    say(last=True)
    os.kill(os.getpid(), signal.SIGSEGV)


def answer(spec: dict[str, Any], say: Say) -> None:
    print("this is no message")
    subprocess.run(["/bin/echo", "nor is this"], check=True)
    say(
        environment=dict(os.environ),
        folder=str(Path.cwd()),
        spec=spec,
        prepared=prepared,
        stdin=sys.stdin.read(),
        parents=[os.getpgid(0) == os.getpid(), os.getsid(0) == os.getpid()],
    )


prepared: list[str] = []

if __name__ == "__main__":
    serve(lambda spec, say: globals()[spec["do"]](spec, say), prepare=lambda: prepared.append("yes"))
