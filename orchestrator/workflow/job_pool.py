"""All jobs of a run, a lane for each device, within the limits: so many on the cloud, so many on a device."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Coroutine, Iterable, Iterator

from orchestrator.domain.event import JobEnded
from orchestrator.domain.journal import JobEntry, JobState
from orchestrator.errors import BenchError, CloudError, Interrupted, KeyRefused
from orchestrator.workflow.context import Context
from orchestrator.workflow.one_job import measure, prepare
from orchestrator.workflow.tracking import track
from orchestrator.workflow.turns import Turns

LOGGED_AT_ONCE = 8
UPLOADED_AHEAD_AT_ONCE = 4


async def run_jobs(context: Context, jobs: Iterable[JobEntry]) -> None:
    """Drives every unfinished job as far as it goes. One job's failure ends nothing but itself.

    Raises KeyRefused (nothing else can work), or Interrupted once a stop was asked for.
    """
    pool = _Pool(context, [job for job in jobs if job.state is not JobState.DONE])
    try:
        async with asyncio.TaskGroup() as group:
            for work in pool.work():
                group.create_task(work)
    except BaseExceptionGroup as failures:
        raise _most_telling(failures) from None


def _not_on_the_cloud(job: JobEntry) -> bool:
    """Those already on a device go first: else the device would get two."""
    return not job.state.may_be_on_the_cloud


class _Lane:
    """One device's jobs, in their order. `door` is held by who brings the next one."""

    def __init__(self) -> None:
        self.jobs: deque[JobEntry] = deque()
        self.door = asyncio.Lock()


class _Pool:
    def __init__(self, context: Context, jobs: list[JobEntry]) -> None:
        self._context = context
        self._unlogged = len(jobs)
        self._ended: asyncio.Queue[JobEntry | None] = asyncio.Queue()
        self._uploading = asyncio.Semaphore(UPLOADED_AHEAD_AT_ONCE)
        self._lanes: defaultdict[str, _Lane] = defaultdict(_Lane)
        for job in sorted(jobs, key=_not_on_the_cloud):
            if job.state.has_outcome:
                self._ended.put_nowait(job)
            else:
                self._lanes[job.key.cell.device].jobs.append(job)
        to_measure = [job for lane in self._lanes.values() for job in lane.jobs]
        self._turns = Turns(context.entry.plan.limits, to_measure, context.durations)

    def work(self) -> Iterator[Coroutine[None, None, None]]:
        """All there is to do, side by side. Each lane has one to bring the next bundle while a job runs."""
        at_once = max(2, self._context.entry.plan.limits.per_device)
        for lane in self._lanes.values():
            yield from (self._measure_all(lane) for _ in range(min(at_once, len(lane.jobs))))
        yield from (self._log_all() for _ in range(min(LOGGED_AT_ONCE, self._unlogged)))

    async def _measure_all(self, lane: _Lane) -> None:
        """Measures jobs of a lane until it is empty."""
        while lane.jobs:
            async with lane.door:
                if not lane.jobs:
                    return
                job = lane.jobs.popleft()
                is_behind = self._turns.is_busy(job.key.cell.device)
                if is_behind:
                    job = await self._brought(job)
                else:
                    await self._turns.enter(job)
            if is_behind and not job.state.has_outcome:
                await self._turns.enter(job)
            if not job.state.has_outcome:
                job = await self._measured(job)
            self._ended.put_nowait(job)

    async def _brought(self, job: JobEntry) -> JobEntry:
        """The job with its bundle on the cloud, while the device is busy with another of ours."""
        async with self._uploading:
            return await prepare(self._context, job)

    async def _measured(self, job: JobEntry) -> JobEntry:
        try:
            return await measure(self._context, job)
        finally:
            self._turns.leave(job)

    async def _log_all(self) -> None:
        """Logs jobs that have their outcome, which holds up no device, until all are logged."""
        while job := await self._ended.get():
            await log(self._context, job)
            self._unlogged -= 1
            if not self._unlogged:
                for _ in range(LOGGED_AT_ONCE):
                    self._ended.put_nowait(None)


async def log(context: Context, job: JobEntry) -> JobEntry:
    """Logs a measured job as far as the hub allows, and tells the listener that it ended. Raises KeyRefused."""
    try:
        job = await track(context, job)
    except KeyRefused:
        raise
    except CloudError as error:
        context.notice(f"{job.key} is not logged on the hub: {error}")
    context.listen(JobEnded(result=job.result(), at=context.pace.now()))
    return job


def _most_telling(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error to show of those that ended the run together: a bug before a refused key before a stop."""

    def rank(error: BaseException) -> int:
        order = (Interrupted, KeyRefused, BenchError)
        return next((place for place, kind in enumerate(order) if isinstance(error, kind)), len(order))

    return max(_leaves(failures), key=rank)


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
