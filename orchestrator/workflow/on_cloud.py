"""Our own jobs that are on the cloud now: who waits for whom there is known without asking."""

import asyncio

from orchestrator.domain.job import JobKey


class OnCloud:
    """The jobs by device, in the order they came."""

    def __init__(self) -> None:
        self._jobs: dict[str, list[JobKey]] = {}
        self._moved: dict[str, asyncio.Event] = {}

    def enter(self, key: JobKey) -> None:
        """It is there; said twice it counts once."""
        jobs = self._jobs.setdefault(key.cell.device, [])
        if key not in jobs:
            jobs.append(key)

    def leave(self, key: JobKey) -> None:
        """It is there no more, if it was; those behind it are told."""
        device = key.cell.device
        jobs = self._jobs.get(device, [])
        if key in jobs:
            jobs.remove(key)
            self._moved.pop(device, asyncio.Event()).set()
        if not jobs:
            self._jobs.pop(device, None)

    def is_behind(self, key: JobKey) -> bool:
        """Whether another of ours came to the device before it."""
        return self._jobs.get(key.cell.device, [key])[0] != key

    def next_leave(self, device: str) -> asyncio.Event:
        """Set when one of ours leaves the device."""
        return self._moved.setdefault(device, asyncio.Event())
