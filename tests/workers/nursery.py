"""Workers without the wait: this process has imported all that `bench worker` needs, and forks it once more each time.

Each line on stdin is a JSON object. One with `place`, `environment`, `arguments` and `dies` begins a worker there, and
answers its process id; `{"poll": ID}` answers its return code, null while it lives. `dies` may say where the worker is
killed by SIGKILL: "decided", before anything of a run's report is written, or "reported", once it is, and before it is
written that the run has ended.
"""

import importlib
import json
import os
import signal
import sys
import traceback
from typing import Any

from orchestrator.cli import worker
from orchestrator.cli.main import main
from orchestrator.history.journal import Journal

for needed in ("cli.connect", "cli.shared", "cli.tell", "presentation.write", "workers.hands", "workers.worker"):
    importlib.import_module(f"orchestrator.{needed}")


async def die(*_arguments: Any) -> None:
    """The process's last act."""
    os.kill(os.getpid(), signal.SIGKILL)


def work(place: str, environment: dict[str, str], arguments: list[str], dies: str) -> int:
    """`bench worker`; its return code."""
    os.chdir(place)
    os.environ.clear()
    os.environ.update(environment)
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    if dies == "decided":
        worker._publish = die  # type: ignore[assignment]
    elif dies == "reported":
        Journal.end = die  # type: ignore[method-assign]
    return main(["worker", *arguments])


def begin(**how: Any) -> int:
    """Begins a worker; its process id."""
    if child := os.fork():
        return child
    code = 1
    try:
        code = work(**how)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def poll(process_id: int) -> int | None:
    """Its return code."""
    ended, status = os.waitpid(process_id, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(poll(asked["poll"]) if "poll" in asked else begin(**asked)), flush=True)
