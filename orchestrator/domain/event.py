"""What a running workflow tells its listener. The core neither prints nor logs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.domain.cell import Cell
from orchestrator.domain.job import JobKey, JobResult


@dataclass(frozen=True, kw_only=True)
class RunStarted:
    """The run is about to drive these cells, each `repeats` times; `done` jobs ended earlier (resume).

    `known_s` are seconds that earlier jobs of the cells kept their device; `at_once` jobs may be on the cloud (0: any).
    """

    run_id: str
    cells: tuple[Cell, ...]
    repeats: int
    done: int = 0
    done_of: Mapping[Cell, int] = field(default_factory=dict)
    known_s: Mapping[Cell, tuple[float, ...]] = field(default_factory=dict)
    at_once: int = 0


@dataclass(frozen=True, kw_only=True)
class JobMoved:
    """A job came to a new state: ours ("uploading", "submitted", "fetched", "retrying") or the cloud's status."""

    key: JobKey
    state: str
    at: datetime
    attempt: int = 1
    job_id: str = ""
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class JobEnded:
    """A job has its outcome and is logged on the hub."""

    result: JobResult
    at: datetime


@dataclass(frozen=True, kw_only=True)
class SessionsAdded:
    """The gates ask for one more session of these cells, `repeats` jobs each.

    `beside`: those that get as many jobs of the old model too.
    """

    cells: tuple[Cell, ...]
    repeats: int
    beside: tuple[Cell, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something the user should know that belongs to no job."""

    text: str
    at: datetime


Event = RunStarted | JobMoved | JobEnded | SessionsAdded | Notice
Listener = Callable[[Event], None]
