"""Jobs on simulated devices: each device takes one at a time, and a timer moves it on."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from farm.fleet import Device, Terms, course
from farm.models import Traits
from farm.results import results_archive


@dataclass(kw_only=True)
class Job:
    """A job. Times are of the loop's clock; `exists_at` is when its results could first be fetched."""

    id: str
    device: Device
    traits: Traits
    download_id: str
    submitted_at: float
    status: str = "PENDING"
    begun_at: float | None = None
    exists_at: float | None = None
    fetched_at: float | None = None
    ended_at: float | None = None
    results: bytes = field(default=b"", repr=False)


@dataclass(kw_only=True)
class Lane:
    """One device's queue, and the job it has."""

    waiting: deque[Job] = field(default_factory=deque)
    running: Job | None = None
    done: list[Job] = field(default_factory=list)
    numbers: Counter[tuple[int, str]] = field(default_factory=Counter)  # jobs so far, by night and model


class Devices:
    """All lanes. `by_download` finds the job that publishes there, once it exists."""

    def __init__(self, terms: Terms, devices: tuple[Device, ...]) -> None:
        self._terms = terms
        self._loop = asyncio.get_running_loop()
        self.lanes = {device.name: Lane() for device in devices}
        self.by_id: dict[str, Job] = {}
        self.by_download: dict[str, Job] = {}
        self.night = 1

    def submit(self, job: Job) -> None:
        """A new job; it is there for its device after `queue_s`."""
        self.by_id[job.id] = job
        self.by_download.setdefault(job.download_id, job)
        self._after(self._terms.queue_s, self._arrive, job)

    def now(self) -> float:
        """The clock that all times are of."""
        return self._loop.time()

    def _after(self, seconds: float, call: Callable[[Job], None], job: Job) -> None:
        self._loop.call_later(seconds * self._terms.time_scale, call, job)

    def _arrive(self, job: Job) -> None:
        job.status = "PENDING_DEVICE"
        self.lanes[job.device.name].waiting.append(job)
        self._begin_next(self.lanes[job.device.name])

    def _begin_next(self, lane: Lane) -> None:
        if lane.running is None and lane.waiting:
            lane.running = job = lane.waiting.popleft()
            job.status, job.begun_at = "PREPARING", self.now()
            self._after(self._terms.prepare_s, self._run, job)

    def _run(self, job: Job) -> None:
        numbers = self.lanes[job.device.name].numbers
        numbers[self.night, job.traits.role] += 1
        number = numbers[self.night, job.traits.role]
        fate = course(self._terms, job.device, job.traits, night=self.night, number=number)
        job.status, job.results = "RUNNING", results_archive(job.device, fate.latencies_ms)
        self._after(fate.run_s + self._terms.publish_s, self._publish, job)

    def _publish(self, job: Job) -> None:
        job.status, job.exists_at = "STOPPING", self.now()
        self._after(self._terms.stopping_s if job.device.platform == "IOS" else 0.0, self._end, job)

    def _end(self, job: Job) -> None:
        job.status, job.ended_at = "COMPLETED", self.now()
        lane = self.lanes[job.device.name]
        lane.running = None
        lane.done.append(job)
        self._begin_next(lane)
