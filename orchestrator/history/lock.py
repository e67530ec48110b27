"""One process at a time has a file. The kernel frees the lock when its holder dies, however it dies."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.errors import RunBusy


def is_held(path: Path) -> bool:
    """Whether a process holds the lock file at `path`."""
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def held(path: Path, what: str) -> Iterator[None]:
    """Holds the lock file at `path`. Raises RunBusy, naming the holder, where another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise busy(what, file.read()) from None
        file.truncate(0)
        file.write(this_process())
        file.flush()
        yield


def this_process() -> str:
    """By what others may find this process."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def busy(what: str, holder: str) -> RunBusy:
    """The error of whoever comes second."""
    return RunBusy(f"{what} is in use by {holder.strip() or 'another process'}; wait for it, or stop it first")
