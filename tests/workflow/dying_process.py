"""Processes that drive a journalled run and are killed by SIGKILL at a chosen write of the journal.

Each line on stdin, "BASE_URL DATABASE_URL RUN_ID WRITE before|after", is one such process: a fork of this one, which
has everything imported already. The WRITE-th write of it is its last act: `before` kills it with the effect done and
nothing written, `after` with both. 0 lets it live. Its return code is printed, negative for a signal.
"""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from orchestrator.client.cloud import open_cloud
from orchestrator.client.settings import CloudSettings
from orchestrator.domain.secret import Secret
from orchestrator.history.compiles import Compiles
from orchestrator.history.journal import Journal, open_journal
from orchestrator.workflow.benchmark import benchmark
from orchestrator.workflow.pace import Pace


def kill_at(number: int, moment: str) -> None:
    """Lets the journal's `number`-th write be the process's last act."""
    count = 0

    def counted(write: Callable[[Any, Any], Awaitable[Any]]) -> Any:
        async def counting(self: Any, entry: Any) -> Any:
            nonlocal count
            count += 1
            is_last = count == number
            if is_last and moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            moved = await write(self, entry)
            if is_last:
                os.kill(os.getpid(), signal.SIGKILL)
            return moved

        return counting

    Journal.move = counted(Journal.move)  # type: ignore[method-assign]
    Compiles.move = counted(Compiles.move)  # type: ignore[method-assign]


async def main(base_url: str, database_url: str, run_id: str) -> None:
    """Drives the run, as `bench resume` does."""
    settings = CloudSettings(base_url=base_url, api_key=Secret("test-key-0123456789"))
    async with open_journal(database_url) as journal, open_cloud(settings) as cloud:
        entry = await journal.run(run_id)
        await benchmark(entry, cloud, journal, lambda event: None, Pace())


def forked(base_url: str, database_url: str, run_id: str, number: str, moment: str) -> int:
    """The return code of a process that drives the run."""
    child = os.fork()
    if not child:
        try:
            kill_at(int(number), moment)
            asyncio.run(main(base_url, database_url, run_id))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        print(forked(*line.split()), flush=True)
