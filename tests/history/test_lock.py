"""One process at a time: the second is told who has it, and a killed holder frees it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import RunBusy
from orchestrator.history.lock import held

HOLDER = """
import sys, time
from pathlib import Path
from orchestrator.history.lock import held
with held(Path(sys.argv[1]), "run x"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_process_is_told_who_has_it(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "x.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunBusy, match=rf"run x is in use by process {holder.pid} on "), held(path, "run x"):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with held(path, "run x"):
            assert str(os.getpid()) in path.read_text()


def test_it_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with held(tmp_path / "x.lock", "run x"):
            pass
