"""Whose turn it is to go on the cloud, within the limits: so many jobs there at once, so many on a device.

A device that has none of ours comes first, so that every device is busy before any has one waiting; then one whose
next bundle lies there already; then the one with the most work left, since it would end last. Within a device jobs
keep their order. Everybody's turn comes, for work only gets less.
"""

import asyncio
import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestrator.domain.cell import Cell
from orchestrator.domain.durations import Durations
from orchestrator.domain.journal import JobEntry, JobState
from orchestrator.domain.plan import Limits

Rank = tuple[bool, int, bool, float]


@dataclass(kw_only=True)
class _Lane:
    """One device: the jobs `left` that had no turn yet. `change` counts its changes: an older place is void."""

    left: Counter[Cell] = field(default_factory=Counter)
    on_cloud: int = 0
    waiting: deque[tuple[JobEntry, asyncio.Future[None]]] = field(default_factory=deque)
    change: int = 0


class Turns:
    """`enter` returns when it is the job's turn; `leave` ends it."""

    def __init__(self, limits: Limits, jobs: Iterable[JobEntry], durations: Durations) -> None:
        self._limits = limits
        self._durations = durations
        self._free = limits.in_flight
        self._queue: list[tuple[Rank, str, int]] = []
        self._lanes: defaultdict[str, _Lane] = defaultdict(_Lane)
        for job in jobs:
            self._lanes[job.key.cell.device].left[job.key.cell] += 1

    def is_busy(self, device: str) -> bool:
        """Whether one of ours has its turn on the device."""
        return self._lanes[device].on_cloud > 0

    async def enter(self, job: JobEntry) -> None:
        """Waits for the job's turn; those of one device get theirs as they came."""
        device = job.key.cell.device
        lane, turn = self._lanes[device], asyncio.get_running_loop().create_future()
        lane.waiting.append((job, turn))
        self._changed(device)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.leave(job)
            raise

    def leave(self, job: JobEntry) -> None:
        """The job's turn is over."""
        device = job.key.cell.device
        lane = self._lanes[device]
        lane.on_cloud -= 1
        self._free += 1
        self._changed(device)

    def _changed(self, device: str) -> None:
        self._line_up(device)
        while self._free and self._queue:
            _, first, change = heapq.heappop(self._queue)
            if change == self._lanes[first].change:
                self._admit(first)

    def _admit(self, device: str) -> None:
        lane = self._lanes[device]
        job, turn = lane.waiting.popleft()
        if not turn.cancelled():
            lane.left[job.key.cell] -= 1
            lane.on_cloud += 1
            self._free -= 1
            turn.set_result(None)
        self._line_up(device)

    def _line_up(self, device: str) -> None:
        lane = self._lanes[device]
        lane.change += 1
        if lane.waiting and lane.on_cloud < self._limits.per_device:
            heapq.heappush(self._queue, (self._rank(lane), device, lane.change))

    def _rank(self, lane: _Lane) -> Rank:
        """Least goes first; what is on the cloud already before everything."""
        state = lane.waiting[0][0].state
        left_s = sum(count * (self._durations.usual_s(cell) or 1.0) for cell, count in lane.left.items() if count)
        return not state.may_be_on_the_cloud, lane.on_cloud, state is not JobState.UPLOADED, -left_s
