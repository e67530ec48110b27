"""What is known of a run while it goes: built from events, read by whoever shows progress. It keeps time in UTC."""

import statistics
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.domain.cell import Cell
from orchestrator.domain.event import Event, JobEnded, JobMoved, Notice, RunStarted, SessionsAdded
from orchestrator.domain.job import JobKey


@dataclass(frozen=True, kw_only=True)
class Doing:
    """What one job is doing, and since when."""

    key: JobKey
    state: str
    since: datetime
    attempt: int


@dataclass(kw_only=True)
class DeviceState:
    """One device: its jobs under way, how many it has and how many have ended."""

    name: str
    planned: int = 0
    ended: int = 0
    failed: int = 0
    doing: dict[JobKey, Doing] = field(default_factory=dict)


class RunState:
    """The run as its events tell it. Not safe for threads: whoever shares it holds a lock."""

    def __init__(self, started_at: datetime) -> None:
        self.run_id = ""
        self.started_at = started_at
        self.planned = 0
        self.ended = 0
        self.failed = 0
        self.devices: dict[str, DeviceState] = {}
        self._begun: dict[JobKey, datetime] = {}
        self._durations_s: dict[str, list[float]] = {}

    def apply(self, event: Event) -> bool:
        """Takes an event in. False where it changes nothing that could be shown (the same state again)."""
        match event:
            case RunStarted():
                self._start(event)
            case JobMoved():
                return self._move(event)
            case JobEnded():
                self._end(event)
            case SessionsAdded():
                self._plan(event.cells, event.repeats)
            case Notice():
                pass
        return True

    def _start(self, event: RunStarted) -> None:
        self.run_id = event.run_id
        self.ended = event.done
        self._plan(event.cells, event.repeats)

    def _plan(self, cells: tuple[Cell, ...], repeats: int) -> None:
        self.planned += len(cells) * repeats
        for cell in cells:
            self._device(cell.device).planned += repeats

    def _device(self, name: str) -> DeviceState:
        return self.devices.setdefault(name, DeviceState(name=name))

    def _move(self, event: JobMoved) -> bool:
        doing = self._device(event.key.cell.device).doing
        known = doing.get(event.key)
        if known and (known.state, known.attempt) == (event.state, event.attempt):
            return False
        self._begun.setdefault(event.key, event.at)
        doing[event.key] = Doing(key=event.key, state=event.state, since=event.at, attempt=event.attempt)
        return True

    def _end(self, event: JobEnded) -> None:
        key = event.result.key
        device = self._device(key.cell.device)
        device.doing.pop(key, None)
        device.ended += 1
        self.ended += 1
        if not event.result.measured:
            device.failed += 1
            self.failed += 1
        begun = self._begun.pop(key, None)
        if begun is not None:
            self._durations_s.setdefault(device.name, []).append((event.at - begun).total_seconds())

    def remaining_s(self) -> float | None:
        """How long it may still take: the slowest device's jobs, one after the other; None before any has ended.

        A device that has ended none yet is taken to be as slow as the others.
        """
        everywhere = [value for values in self._durations_s.values() for value in values]
        if not everywhere or self.ended >= self.planned:
            return None
        fallback = [statistics.fmean(everywhere)]
        left = (
            (device.planned - device.ended) * statistics.fmean(self._durations_s.get(device.name) or fallback)
            for device in self.devices.values()
        )
        return max(left, default=None)
