"""Carries out a journalled run, new or resumed: locks it, listens to signals, shows progress, writes the reports."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO

import click

from orchestrator.cli.annotate import annotate
from orchestrator.cli.home import run_locks
from orchestrator.client.cloud import Cloud
from orchestrator.domain.event import Listener
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.report import Report
from orchestrator.errors import BenchError, DatabaseLost, Interrupted
from orchestrator.history.journal import Journal
from orchestrator.presentation.console import print_report, progress_listener
from orchestrator.presentation.run_log import run_log
from orchestrator.presentation.write import write_index, write_reports
from orchestrator.workflow.benchmark import benchmark
from orchestrator.workflow.pace import Pace
from orchestrator.workflow.reports import compared, read_report

STOPPING = "stopping: nothing new is submitted, running jobs go on; again to leave at once"
Drive = Callable[[RunEntry, Cloud, Journal, Listener, Pace], Awaitable[Report]]


class Show(Protocol):
    """Prints what a run came to."""

    def __call__(self, report: Report, folder: Path, *, stream: TextIO) -> None:
        """Called once, when its files are written."""


async def carry_out(
    entry: RunEntry,
    cloud: Cloud,
    journal: Journal,
    *,
    quiet: bool,
    verbose: bool,
    drive: Drive = benchmark,
    show: Show = print_report,
) -> int:
    """Drives the run and reports it; the exit code. What interrupts it leaves it resumable and says how."""
    pace = Pace()
    progress = progress_listener(is_terminal=sys.stderr.isatty(), quiet=quiet, verbose=verbose, stream=sys.stderr)
    async with journal.held(entry.run.id, run_locks()):
        try:
            with stop_on_signals(pace), progress as shown, run_log(entry.folder / "run.log", shown) as listen:
                report = await compared(await drive(entry, cloud, journal, listen, pace), entry, journal)
        except BenchError as error:
            if not isinstance(error, DatabaseLost):
                await _save(await read_report(await journal.run(entry.run.id), journal), entry, journal)
            click.echo(f"run {entry.run.id} is not finished; go on with: bench resume {entry.run.id}", err=True)
            raise
        await _save(report, entry, journal)
    show(report, entry.folder, stream=sys.stdout)
    annotate(report)
    return report.run.exit_code or 0


@contextmanager
def stop_on_signals(pace: Pace, words: str = STOPPING) -> Iterator[None]:
    """Ctrl-C or SIGTERM once: stop cleanly, saying so. A second time: at once."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if pace.stop.is_set():
            os._exit(Interrupted.exit_code)
        pace.stop.set()
        if words:
            click.echo(words, err=True)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _save(report: Report, entry: RunEntry, journal: Journal) -> None:
    await asyncio.to_thread(write_reports, report, entry.folder)
    await asyncio.to_thread(write_index, await journal.runs(), entry.folder.parent, report)
