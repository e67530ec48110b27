"""What `bench schedule` does for its scheduler, and the lines of its log."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from orchestrator.cli.connect import LOCAL
from orchestrator.cli.home import database_url, kept_plans, run_locks
from orchestrator.cli.main import save_traceback
from orchestrator.cli.start_run import Runs, Say
from orchestrator.cli.tell import tell_people
from orchestrator.domain.plan import Plan
from orchestrator.domain.run import Run, RunState
from orchestrator.errors import Interrupted
from orchestrator.history.journal import open_journal
from orchestrator.inputs.last_good_plan import LastGood, load_last_good
from orchestrator.presentation.escape import one_line
from orchestrator.presentation.verdict import verdict_of_run
from orchestrator.scheduling.duty import Hands, Unfinished


def tell(plan: str, text: str) -> None:
    """Writes to the log, each line with its time."""
    for line in text.splitlines():
        if line.startswith("::") and os.environ.get("GITHUB_ACTIONS") == "true":
            click.echo(line, err=True)  # an annotation, which GitHub knows by its beginning
            continue
        click.echo(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ} {one_line(f'{plan}: {line}', limit=2000)}", err=True)


def report_bug(plan: str, error: Exception) -> None:
    """Writes to the log where the details of a bug are."""
    tell(plan, f"error: this is a bug in bench; the details are in {save_traceback(error)}")


def read(path: Path) -> LastGood:
    """A plan with a schedule, as its file says or as it last was good. Raises PlanError."""
    return load_last_good(path, kept_plans())


def make_hands(runs: Runs) -> Hands:
    """What the scheduler has done for it: plans read, the journal asked, runs started and gone on with."""
    one_at_a_time = asyncio.Lock()  # the local cloud is one computer, which measures one thing at a time

    async def unfinished(plan: Plan) -> Unfinished | None:
        async with open_journal(database_url()) as journal:
            run = await journal.newest(plan.name)
            if run is None or run.state is RunState.COMPLETED:
                return None
            return Unfinished(
                run_id=run.id, is_busy=_is_with_workers(run) or await journal.is_held(run.id, run_locks())
            )

    async def has_run(plan: Plan, tick: datetime) -> bool:
        async with open_journal(database_url()) as journal:
            return await journal.run_of_tick(plan.name, tick) is not None

    async def drive(plan: Plan, doing: Callable[[Say], Awaitable[int]]) -> int:
        async with one_at_a_time if plan.cloud == LOCAL else nullcontext():
            if runs.stop.is_set():
                return Interrupted.exit_code
            code = await doing(partial(tell, plan.name))
        if code < 0:
            reason = f"its process was killed by signal {-code}; the next start goes on with it"
            tell(plan.name, reason)
            await tell_people(plan, reason, say=partial(tell, plan.name))
            return Interrupted.exit_code
        async with open_journal(database_url()) as journal:
            tell(plan.name, _outcome(code, await journal.newest(plan.name), runs.output))
        return code

    return Hands(
        read=read,
        unfinished=unfinished,
        has_run=has_run,
        start=lambda path, plan, tick: drive(plan, lambda say: runs.start_run(path, tick, say)),
        resume=lambda plan, run_id: drive(plan, lambda say: runs.resume_run(run_id, say)),
        tell=tell,
        now=lambda: datetime.now(UTC),
    )


def _is_with_workers(run: Run) -> bool:
    return run.detached and run.state is RunState.RUNNING


def _outcome(code: int, run: Run | None, output: Path) -> str:
    if code == Interrupted.exit_code:
        return "stopped; the next start goes on with it"
    if run is not None and _is_with_workers(run):
        return f"run {run.id} is with the workers; follow it with: bench attach {run.id}"
    if run is None or run.exit_code != code:
        return f"did not run through (exit code {code})"
    return f"run {run.id} ended: {verdict_of_run(run).word} (exit code {code}); {output / run.id / 'report.html'}"
