"""`bench schedule`: plans at their cron times."""

import asyncio
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.home import DEFAULT_REPORTS
from orchestrator.domain.exit_code import worst
from orchestrator.domain.plan import schedule_of
from orchestrator.errors import Interrupted, PlanError, UsageError

if TYPE_CHECKING:
    from orchestrator.cli.start_run import Runs
    from orchestrator.domain.plan import Plan
    from orchestrator.scheduling.duty import Duty

LONGEST_GRACE_S = 7 * 86_400.0
SHOWN = 3  # times of each plan in --list


def _grace(_context: click.Context, _parameter: click.Parameter, value: str) -> timedelta:
    from orchestrator.inputs.quantities import parse_duration_s

    try:
        seconds = parse_duration_s(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if not 1 <= seconds <= LONGEST_GRACE_S:
        message = "expected 1s to 7d"
        raise click.BadParameter(message)
    return timedelta(seconds=seconds)


@click.command("schedule")
@click.argument("plans", metavar="PLAN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--once", is_flag=True, help="Run what is due now, and end with the worst exit code.")
@click.option("--detach", is_flag=True, help="Leave the runs to workers ('bench worker').")
@click.option("--list", "as_list", is_flag=True, help="Show the next times, and run nothing.")
@click.option("--json", "as_json", is_flag=True, help="For programs, with --list.")
@click.option("--grace", default="1h", show_default=True, callback=_grace, help="How late a missed time is still run.")
@click.option("--output", type=click.Path(path_type=Path), default=DEFAULT_REPORTS, help="Folder for the reports.")
def command(
    plans: tuple[Path, ...], once: bool, detach: bool, as_list: bool, as_json: bool, grace: timedelta, output: Path
) -> int:
    """Run each PLAN at the times that its `schedule` gives, until stopped (Ctrl-C or SIGTERM, exit code 0)."""
    from orchestrator.cli.night_desk import make_hands
    from orchestrator.cli.start_run import Runs
    from orchestrator.scheduling.duty import Duty

    if as_list:
        _show_times(_read_all(plans), as_json)
        return 0
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # what matters of it is told in our own words
    runs = Runs(output=output, detach=detach)
    hands = make_hands(runs)
    duties = {path: Duty(path=path, hands=hands, grace=grace) for path in _read_all(plans)}
    return asyncio.run(_once(duties.values(), runs) if once else _keep(duties, runs))


def _read_all(paths: Iterable[Path]) -> dict[Path, "Plan"]:
    """The plans by their paths. Raises UsageError with all that is wrong with any of them."""
    from orchestrator.cli.night_desk import read

    plans, mistakes = {}, []
    for path in paths:
        try:
            plans[path] = read(path).plan
        except PlanError as error:
            mistakes.append(str(error))
    named = Counter(plan.name for plan in plans.values())
    mistakes += [f"{count} of the plans are called {name!r}" for name, count in named.items() if count > 1]
    if mistakes:
        raise UsageError("\n".join(mistakes))
    return plans


def _show_times(plans: Mapping[Path, "Plan"], as_json: bool) -> None:
    from orchestrator.presentation.schedule_table import print_times, times_as_json
    from orchestrator.scheduling.times import next_times

    now = datetime.now(UTC)
    coming = [(plan, next_times(schedule_of(plan), now, SHOWN)) for plan in plans.values()]
    if as_json:
        click.echo(times_as_json(coming))
    else:
        print_times(coming, now, stream=sys.stdout)


async def _keep(duties: Mapping[Path, "Duty"], runs: "Runs") -> int:
    from orchestrator.cli.night_desk import report_bug
    from orchestrator.scheduling.nights import Nights

    with _stop_on_signals(runs):
        await Nights(duties=duties, report_bug=report_bug).keep(runs.stop)
    return 0


async def _once(duties: Iterable["Duty"], runs: "Runs") -> int:
    with _stop_on_signals(runs):
        done = await asyncio.gather(*(duty.fulfil() for duty in duties))
        return worst(fulfilled.code for fulfilled in done)


@contextmanager
def _stop_on_signals(runs: "Runs") -> Iterator[None]:
    """Ctrl-C or SIGTERM once: runs stop as with Ctrl-C, then the scheduler ends. A second time: at once."""
    from orchestrator.cli.night_desk import tell

    loop = asyncio.get_running_loop()

    def stop() -> None:
        if runs.stop.is_set():
            runs.hurry()
            os._exit(Interrupted.exit_code)
        runs.stop.set()
        tell("bench schedule", "stopping; again to leave at once")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
