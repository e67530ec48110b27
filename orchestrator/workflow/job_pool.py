"""All jobs of a run at once, within the limits: so many on the cloud, so many on a device."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from orchestrator.domain.event import JobEnded
from orchestrator.domain.journal import JobEntry, JobState
from orchestrator.errors import BenchError, CloudError, Interrupted, KeyRefused
from orchestrator.workflow.context import Context
from orchestrator.workflow.one_job import measure
from orchestrator.workflow.tracking import track

LOGGED_AT_ONCE = 8


async def run_jobs(context: Context, jobs: Iterable[JobEntry]) -> None:
    """Drives every unfinished job as far as it goes. One job's failure ends nothing but itself.

    Raises KeyRefused (nothing else can work), or Interrupted once a stop was asked for.
    """
    pool = _Pool(context)
    waiting = sorted((job for job in jobs if job.state is not JobState.DONE), key=_not_on_the_cloud)
    try:
        async with asyncio.TaskGroup() as group:
            for job in waiting:
                group.create_task(pool.drive(job))
    except BaseExceptionGroup as failures:
        raise _most_telling(failures) from None


def _not_on_the_cloud(job: JobEntry) -> bool:
    """Those already on a device go first: else the device would get two."""
    return not job.state.may_be_on_the_cloud


class _Pool:
    def __init__(self, context: Context) -> None:
        limits = context.entry.plan.limits
        self._context = context
        self._in_flight = asyncio.Semaphore(limits.in_flight)
        self._on_device: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(limits.per_device))
        self._logging = asyncio.Semaphore(LOGGED_AT_ONCE)

    async def drive(self, job: JobEntry) -> None:
        """Measures a job within the limits, then logs it, which holds up no device."""
        if not job.state.has_outcome:
            async with self._on_device[job.key.cell.device], self._in_flight:
                job = await measure(self._context, job)
        async with self._logging:
            await log(self._context, job)


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
