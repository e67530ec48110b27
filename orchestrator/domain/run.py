"""One execution of a plan."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class RunState(StrEnum):
    """Where a run stands. Only the first and the last two are seen by users of results.json."""

    RUNNING = "running"
    COMPLETED = "completed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class Run:
    """The run as a whole. `cloud` is what the plan said: local, hub or a URL (never with credentials).

    A detached run is carried out by workers, who tell people of it where `notify` says so. `tick` is the scheduled
    time that it is for, if any.
    """

    id: str
    plan: str
    project: str
    cloud: str
    started_at: datetime
    plan_sha256: str
    tool_version: str
    state: RunState = RunState.RUNNING
    ended_at: datetime | None = None
    exit_code: int | None = None
    detached: bool = False
    notify: bool = False
    tick: datetime | None = None


def new_run_id(now: datetime) -> str:
    """An id that sorts by time, to the microsecond, and does not collide: 20260131T020000Z-1e240a1c."""
    utc = now.astimezone(UTC)
    return f"{utc:%Y%m%dT%H%M%SZ}-{utc.microsecond:05x}{secrets.randbits(12):03x}"
