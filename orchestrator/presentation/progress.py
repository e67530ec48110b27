"""Live progress on stderr: a table in a terminal, plain lines elsewhere."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TextIO

from rich.console import Group
from rich.live import Live
from rich.text import Text

from orchestrator.domain.event import Event, JobEnded, JobMoved, Listener, Notice, RunStarted, SessionsAdded
from orchestrator.domain.job import JobResult
from orchestrator.domain.journal import JobState
from orchestrator.domain.outcome import Failed, Measured, Skipped
from orchestrator.domain.report import HEADLINES
from orchestrator.presentation.escape import one_line
from orchestrator.presentation.run_state import DeviceState, RunState
from orchestrator.presentation.terminal import add_row, open_console, plain, table
from orchestrator.presentation.text import duration, plural, quantity

_REFRESHES_PER_S = 4
_OWN_STEPS = set(JobState) - {JobState.SUBMITTED}


def _now() -> datetime:
    return datetime.now(UTC)


def progress_listener(
    *, is_terminal: bool, quiet: bool, verbose: bool, stream: TextIO, now: Callable[[], datetime] = _now
) -> AbstractContextManager[Listener]:
    """A context manager whose value listens to a run and shows it on `stream` while it is open.

    `quiet` shows nothing; `verbose` adds a line for each change of state to the live table, and to
    the lines our own steps and the ids.
    """
    if quiet:
        return _silent()
    return _live(stream, verbose, now) if is_terminal else _lines(stream, verbose, now)


@contextmanager
def _silent() -> Iterator[Listener]:
    yield lambda event: None


@contextmanager
def _lines(stream: TextIO, verbose: bool, now: Callable[[], datetime]) -> Iterator[Listener]:
    state = RunState(now())
    console = open_console(stream)

    def listen(event: Event) -> None:
        if state.apply(event) and (verbose or not _is_bookkeeping(event)):
            console.print(Text(line_of(event, state, verbose=verbose)), soft_wrap=True)

    yield listen


@contextmanager
def _live(stream: TextIO, verbose: bool, now: Callable[[], datetime]) -> Iterator[Listener]:
    state, lock = RunState(now()), threading.Lock()
    console = open_console(stream)

    def draw() -> Group:
        with lock:
            return board(state, now(), rows=max(3, console.height - 5))

    with Live(get_renderable=draw, console=console, refresh_per_second=_REFRESHES_PER_S, transient=True) as live:

        def listen(event: Event) -> None:
            with lock:
                changed = state.apply(event)
            if changed and (verbose or isinstance(event, Notice) or _has_failed(event)):
                live.console.print(Text(line_of(event, state, verbose=verbose)), soft_wrap=True)

        yield listen


def _has_failed(event: Event) -> bool:
    return isinstance(event, JobEnded) and not event.result.measured


def _is_bookkeeping(event: Event) -> bool:
    """Whether this is only a step of our own that went well: of interest when something is looked for."""
    return isinstance(event, JobMoved) and event.state in _OWN_STEPS and not event.detail


def line_of(event: Event, state: RunState, *, verbose: bool) -> str:
    """One line for one event."""
    match event:
        case RunStarted():
            done = f", {event.done:,} done before" if event.done else ""
            where = plural(len(state.devices), "device")
            text = f"run {event.run_id}: {plural(state.planned, 'job')} on {where}{done}{_to_go(state)}"
        case JobMoved():
            text = f"{event.key}: {event.state}{_details(event, verbose)}"
            return one_line(f"{event.at.astimezone(UTC):%H:%M:%S} {text}")
        case JobEnded():
            text = f"[{state.ended:,}/{state.planned:,}] {event.result.key}: {_outcome(event.result)}{_to_go(state)}"
            return one_line(f"{event.at.astimezone(UTC):%H:%M:%S} {text}")
        case SessionsAdded():
            jobs = (len(event.cells) + len(event.beside)) * event.repeats
            cells = len({*event.cells, *event.beside})
            text = f"{plural(jobs, 'job')} more, to decide {plural(cells, 'cell')}"
        case Notice():
            text = f"note: {event.text}"
    return one_line(text)


def step_of(event: Event) -> str:
    """What a job did, without its time; "" for what is about no job."""
    match event:
        case JobMoved():
            return one_line(f"{event.key}: {event.state}{_details(event, True)}")
        case JobEnded():
            return one_line(f"{event.result.key}: {_outcome(event.result)}")
        case _:
            return ""


def _details(event: JobMoved, verbose: bool) -> str:
    attempt = f", attempt {event.attempt}" if event.attempt > 1 else ""
    job = f", job {event.job_id}" if verbose and event.job_id else ""
    return f"{attempt}{job}" + (f" ({event.detail})" if event.detail else "")


def _outcome(result: JobResult) -> str:
    match result.outcome:
        case Failed(kind=kind, reason=reason):
            return f"✕ {kind}: {reason}"
        case Skipped(reason=reason):
            return f"✕ skipped: {reason}"
        case Measured(measurement=measurement):
            found = next((measurement.metrics[name] for name in HEADLINES if name in measurement.metrics), None)
            return f"✓ {quantity(found.value, found.unit)}" if found else "✓ measured"


def board(state: RunState, now: datetime, *, rows: int) -> Group:
    """The live table: busy devices first, at most `rows`, then the totals."""
    shown = table("Device", "Doing", "Since:", "Done:", expand=True)
    devices = sorted(state.devices.values(), key=lambda device: (not device.doing, device.ended >= device.planned))
    for device in devices[:rows]:
        add_row(shown, _device_row(device, now))
    hidden = len(devices) - rows
    more = [plain(f"… and {plural(hidden, 'more device')}", style="dim")] if hidden > 0 else []
    return Group(shown, *more, plain(totals(state, now), style="bold"))


def _device_row(device: DeviceState, now: datetime) -> list[str | Text]:
    """The job that came furthest speaks for the device; others waiting behind it are counted."""
    done = f"{device.ended:,}/{device.planned:,}" + (f" ✕{device.failed:,}" if device.failed else "")
    if not device.doing:
        return [device.name, "done" if device.ended >= device.planned else "waiting for its turn", "", done]
    first = next(iter(device.doing.values()))
    cell = first.key.cell
    variant = "" if cell.variant == "default" else f" ({cell.variant})"
    attempt = f", attempt {first.attempt}" if first.attempt > 1 else ""
    behind = f" +{len(device.doing) - 1}" if len(device.doing) > 1 else ""
    role = " control" if first.key.control else ""
    what = f"{cell.model}{variant} #{first.key.repeat}{role} {first.state}{attempt}{behind}"
    return [device.name, what, duration((now - first.since).total_seconds()), done]


def totals(state: RunState, now: datetime) -> str:
    """How far the run is: jobs, failures, time so far and time still expected."""
    failed = f", {state.failed:,} without a result" if state.failed else ""
    elapsed = duration(max(0.0, (now - state.started_at).total_seconds()))
    return f"{state.ended:,} of {plural(state.planned, 'job')}{failed}; {elapsed}{_to_go(state)}"


def _to_go(state: RunState) -> str:
    left_s = state.remaining_s()
    return f", about {duration(left_s)} to go" if left_s else ""
