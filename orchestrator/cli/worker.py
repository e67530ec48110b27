"""`bench worker`: takes jobs of detached runs, with any number of others."""

import asyncio
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.home import DEFAULT_REPORTS, home, run_locks
from orchestrator.domain.event import Event, Notice
from orchestrator.errors import WorkerLost

if TYPE_CHECKING:
    from orchestrator.domain.plan import Plan
    from orchestrator.domain.report import Report
    from orchestrator.history.store import Store
    from orchestrator.workers.tempo import Tempo

GRACE_S = 30.0


@click.command("worker")
@click.option("--concurrency", type=click.IntRange(1, 1000), default=100, show_default=True, help="Jobs at once.")
@click.option(
    "--takeover",
    type=click.FloatRange(2, 3600),
    default=60.0,
    show_default=True,
    help="Seconds within which jobs of a dead worker are taken over; the same for all workers.",
)
@click.option("--output", type=click.Path(path_type=Path), default=DEFAULT_REPORTS, help="Folder for files of runs.")
def command(concurrency: int, takeover: float, output: Path) -> int:
    """Carry out detached runs from BENCH_DATABASE_URL until stopped (Ctrl-C or SIGTERM, exit code 0).

    It ends with an error where it can do no more; let a supervisor (systemd, Docker, Kubernetes) start it again.
    """
    from orchestrator.workers.tempo import Tempo

    asyncio.run(_work(concurrency, Tempo(takeover_s=takeover), output.absolute()))
    return 0


def _leave_at_once() -> None:
    say("nothing was heard of the database for too long, or this process was stopped: it ends, to be started again")
    os._exit(WorkerLost.exit_code)


async def _work(concurrency: int, tempo: "Tempo", output: Path) -> None:
    from orchestrator.cli.connect import connect
    from orchestrator.cli.shared import open_shared
    from orchestrator.workers.hands import Hands
    from orchestrator.workers.watchdog import Watchdog
    from orchestrator.workers.worker import Worker
    from orchestrator.workflow.kept_models import KeptModels
    from orchestrator.workflow.pace import Pace

    async with open_shared(tempo) as shared:
        store, pace = shared.store, Pace()

        async def publish(report: "Report", folder: Path) -> None:
            await _publish(report, folder, store)

        hands = Hands(
            journal=shared.journal,
            queue=shared.queue,
            store=store,
            kept=KeptModels(store, home() / "models"),
            open_cloud=connect,
            publish=publish,
            tell_people=_tell_people,
            tell=_tell,
            pace=pace,
            reports=output,
            locks=run_locks(),
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, pace.stop.set)
        say(f"ready for {concurrency} jobs at once; a dead worker's are taken over within {tempo.takeover_s:g} s")
        watchdog = Watchdog(tempo.database_s + tempo.look_s + GRACE_S, _leave_at_once)
        worker = Worker(hands=hands, queue=shared.queue, tempo=tempo, say=say, seen=watchdog.seen)
        with watchdog.watching():
            try:
                await worker.work(concurrency)
            finally:
                await hands.close()
        say("stopped; what it had goes to others")


async def _publish(report: "Report", folder: Path, store: "Store") -> None:
    """The reports lie in this machine's folder and in the store."""
    from orchestrator.presentation.write import write_reports
    from orchestrator.workers.shared_files import run_file

    for path in await asyncio.to_thread(write_reports, report, folder):
        await store.put(run_file(report.run.id, path.name), path)


async def _tell_people(plan: "Plan", run_id: str) -> None:
    from orchestrator.cli.tell import tell_people

    await tell_people(plan, run_id=run_id, say=say)


def say(text: str) -> None:
    """A line of the log."""
    from orchestrator.presentation.escape import one_line
    from orchestrator.presentation.run_log import mask

    click.echo(f"{datetime.now(UTC):%H:%M:%S} {mask(one_line(text))}", err=True)


def _tell(run_id: str, event: Event) -> None:
    from orchestrator.presentation.progress import step_of

    if line := event.text if isinstance(event, Notice) else step_of(event):
        say(f"{run_id} {line}")
