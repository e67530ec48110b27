"""Starts runs for a scheduler, each in a process of its own.

So a run that leaks, crashes or is killed for its memory takes neither the scheduler nor another plan's run with it,
and what happens at night is the very command that somebody would type.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from orchestrator.errors import Interrupted

Say = Callable[[str], None]
_LONGEST_LINE = 1 << 20


@dataclass(kw_only=True)
class Runs:
    """The runs that are under way. `output` is the folder for reports; once `stop` is set each is asked to stop.

    `detach` leaves the runs to workers.
    """

    output: Path
    detach: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _alive: set[asyncio.subprocess.Process] = field(default_factory=set)

    async def start_run(self, plan_path: Path, tick: datetime, say: Say) -> int:
        """Runs a plan for its scheduled time; the exit code, negative where a signal killed it.

        What the run has to say goes to `say`, line by line.
        """
        time = tick.isoformat(timespec="minutes")
        arguments = ["run", str(plan_path), "--tick", time, "--output", str(self.output), "--notify", "--quiet"]
        return await self._bench([*arguments, "--detach"] if self.detach else arguments, say)

    async def resume_run(self, run_id: str, say: Say) -> int:
        """Goes on with a run, in the same way."""
        return await self._bench(["resume", run_id, "--notify", "--quiet"], say)

    def hurry(self) -> None:
        """Asks a second time: every run leaves at once."""
        for process in self._alive:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    async def _bench(self, arguments: Sequence[str], say: Say) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "orchestrator.cli", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
            start_new_session=True,  # a Ctrl-C at the terminal is ours to pass on, once
        )
        self._alive.add(process)
        stopping = asyncio.create_task(self._pass_on_the_stop(process))
        try:
            await _relay(process, say)
            code = await process.wait()
        finally:
            stopping.cancel()
            self._alive.discard(process)
        return Interrupted.exit_code if self.stop.is_set() and code < 0 else code

    async def _pass_on_the_stop(self, process: asyncio.subprocess.Process) -> None:
        await self.stop.wait()
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)


async def _relay(process: asyncio.subprocess.Process, say: Say) -> None:
    assert process.stderr
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:  # longer than any line is meant to be
            continue
        if not line:
            return
        say(line.decode("utf-8", "replace").rstrip())
