"""The run in time: for each device when its jobs waited, prepared, ran and were wound up, on one axis.

One path for each phase and device, so that a long run stays a small page.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from orchestrator.domain.job import Attempt, JobResult
from orchestrator.domain.report import Report
from orchestrator.presentation.page.drawing import dashes
from orchestrator.presentation.page.scale import Tick
from orchestrator.presentation.text import duration, plural

HEIGHT = 18
MOST_DEVICES = 30
PHASES = ("wait", "prepare", "run", "finish")
# What a state means for the picture. An unknown status of a cloud counts as running, as it does for the deadlines.
_PHASE_OF = {
    **dict.fromkeys(("submitted", "pending", "pending_concurrency", "pending_device", "scheduling"), "wait"),
    **dict.fromkeys(("reserved", "upload_created", "uploaded", "submitting", "preparing"), "prepare"),
    **dict.fromkeys(("processing", "running"), "run"),
    **dict.fromkeys(("stopping", "completed", "concluded", "logging", "logged", "tagged", "done"), "finish"),
}
# middle and thickness: waiting lies thin below, so that a job waiting behind a running one stays visible
_LANES = {"wait": (15, 3), "prepare": (8, 7), "run": (8, 13), "finish": (8, 7)}


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One phase of one device, as path data for a line of this thickness in a picture HEIGHT high."""

    phase: str
    thickness: int
    path: str


@dataclass(frozen=True, kw_only=True)
class TimelineRow:
    """A device: its lanes, and how long it spent in each phase (summed over its jobs)."""

    device: str
    lanes: tuple[Lane, ...]
    times: tuple[str, ...]
    attempts: str


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Devices, the busiest first. `rows` is empty where no attempt has a history."""

    rows: tuple[TimelineRow, ...]
    ticks: tuple[Tick, ...]
    left_out: str


_Spans = Mapping[str, list[tuple[float, float]]]  # phase: begin and end in seconds since the run's start


def timeline(report: Report) -> Timeline:
    """The section."""
    begin = report.run.started_at
    of_device: dict[str, list[JobResult]] = defaultdict(list)
    for job in report.jobs:
        if job.attempts:
            of_device[job.key.cell.device].append(job)
    spans = {device: _spans(jobs, begin) for device, jobs in of_device.items()}
    ends = [end for found in spans.values() for times in found.values() for _, end in times]
    if not ends:
        return Timeline(rows=(), ticks=(), left_out="")
    total_s = max(1e-3, *ends)
    order = sorted(spans, key=lambda device: -_length(spans[device]))
    hidden = len(order) - MOST_DEVICES
    return Timeline(
        rows=tuple(_row(device, spans[device], of_device[device], total_s) for device in order[:MOST_DEVICES]),
        ticks=tuple(Tick(at=f"{25 * part}", label=duration(total_s * part / 4)) for part in range(5)),
        left_out=f"{plural(hidden, 'device')} with less work are in results.json." if hidden > 0 else "",
    )


def _length(spans: _Spans) -> float:
    return sum(end - begin for times in spans.values() for begin, end in times)


def _spans(jobs: Iterable[JobResult], run_begin: datetime) -> _Spans:
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for attempt in (attempt for job in jobs for attempt in job.attempts):
        for phase, begin, end in _phases(attempt):
            span = ((begin - run_begin).total_seconds(), (end - run_begin).total_seconds())
            if 0 <= span[0] <= span[1]:
                found[phase].append(span)
    return found


def _phases(attempt: Attempt) -> Iterable[tuple[str, datetime, datetime]]:
    """Each state lasts until the next one, the last until the attempt's end."""
    changes = attempt.changes
    begins = [change.at for change in changes]
    for change, begin, end in zip(changes, begins, [*begins[1:], attempt.ended_at], strict=True):
        yield _PHASE_OF.get(change.state.lower(), "run"), begin, end


def _row(device: str, spans: _Spans, jobs: list[JobResult], total_s: float) -> TimelineRow:
    return TimelineRow(
        device=device,
        lanes=tuple(_lane(phase, spans[phase], total_s) for phase in PHASES if spans.get(phase)),
        times=tuple(duration(sum(end - begin for begin, end in spans.get(phase, ()))) for phase in PHASES),
        attempts=f"{sum(len(job.attempts) for job in jobs):,}",
    )


def _lane(phase: str, spans: list[tuple[float, float]], total_s: float) -> Lane:
    middle, thickness = _LANES[phase]
    path = dashes(((begin / total_s, end / total_s) for begin, end in spans), middle)
    return Lane(phase=phase, thickness=thickness, path=path)
