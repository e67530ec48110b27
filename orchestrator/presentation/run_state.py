"""What is known of a run while it goes: built from events, read by whoever shows progress. It keeps time in UTC."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.domain.cell import Cell
from orchestrator.domain.durations import Durations
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
    """One device: its jobs under way, how many it has and how many have ended.

    `left` are those that have not, by cell, and `left_s` is how long they may take, where that is known.
    """

    name: str
    planned: int = 0
    ended: int = 0
    failed: int = 0
    doing: dict[JobKey, Doing] = field(default_factory=dict)
    left: Counter[Cell] = field(default_factory=Counter)
    left_s: float | None = None


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
        self._durations = Durations()
        self._at_once = 0
        self._changed: list[DeviceState] = []

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
                self._plan((*event.cells, *event.beside), event.repeats)
            case Notice():
                pass
        return True

    def _start(self, event: RunStarted) -> None:
        self.run_id = event.run_id
        self.ended = event.done
        self._durations, self._at_once = Durations(event.known_s), event.at_once
        self._plan(event.cells, event.repeats)
        for cell, count in event.done_of.items():
            device = self._device(cell.device)
            device.ended += count
            device.left[cell] -= count
            self._changed.append(device)
        self._estimate()

    def _plan(self, cells: tuple[Cell, ...], repeats: int) -> None:
        self.planned += len(cells) * repeats
        for cell in cells:
            device = self._device(cell.device)
            device.planned += repeats
            device.left[cell] += repeats
        self._changed = list(self.devices.values())
        self._estimate()

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
        device.left[key.cell] -= 1
        self.ended += 1
        if not event.result.measured:
            device.failed += 1
            self.failed += 1
        self._learn(event)
        self._changed.append(device)
        self._estimate()

    def _learn(self, event: JobEnded) -> None:
        """What a measured job kept its device for, or, where nobody saw it begin there, what it took in all."""
        key, attempts = event.result.key, event.result.attempts
        begun = self._begun.pop(key, None)
        if not event.result.measured:
            return
        if any(attempt.begun_at for attempt in attempts):
            for attempt in attempts:
                self._durations.learn(key.cell, attempt)
        elif begun is not None:
            self._durations.add(key.cell, (event.at - begun).total_seconds())

    def remaining_s(self) -> float | None:
        """How long it may still take; None where nothing is known, or nothing is left.

        It is the slowest device's jobs, one after the other, or all jobs through what may be on the cloud at once.
        """
        left = [device.left_s for device in self.devices.values() if device.ended < device.planned]
        known = [seconds for seconds in left if seconds is not None]
        if not left or len(known) < len(left):
            return None
        return max(max(known), sum(known) / self._at_once if self._at_once else 0.0)

    def _estimate(self) -> None:
        """Estimates anew the devices that changed and those of which nothing was known: not all, there may be many."""
        for device in self._changed:
            expected = [(self._durations.usual_s(cell), count) for cell, count in device.left.items() if count > 0]
            is_known = all(usual is not None for usual, _ in expected)
            device.left_s = sum((usual or 0.0) * count for usual, count in expected) if is_known else None
        self._changed = [device for device in self._changed if device.left_s is None]
