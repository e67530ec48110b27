"""Watching a submitted job and its download together; whichever has something first counts.

A look costs requests, so it is taken when it can show something: rarely while the job waits, at once when the job
before it on the device is over, then not until the job can be done by what is known of earlier ones, and from there
on often. Of a job that nothing is known of, looks come further apart the longer it runs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.client.device_cloud import DownloadView, JobView
from orchestrator.domain.job import Phase
from orchestrator.domain.journal import JobEntry
from orchestrator.domain.outcome import Failed, FailureKind
from orchestrator.domain.secret import Secret
from orchestrator.errors import AnswerLost, Misbehaving, Overloaded, Refused, Unreachable
from orchestrator.workflow.context import Context

NO_ANSWER = (AnswerLost, Misbehaving, Overloaded, Unreachable)
WAITING_GROWTH = 1.5
LONGEST_INTERVAL_S = 60.0
EARLY = 0.9  # of the shortest job like it: no job is late for its results
JOB_EVERY = 3  # looks at an active job's download; only a job that leaves nothing there is noticed so late
PATIENCE = 0.05  # of the time that a job of unknown length has run: so late may its results be found
LOOKS_AFTER_THE_END = 3


@dataclass(frozen=True, kw_only=True)
class Watched:
    """How watching ended: where the results lie, or why there are none."""

    job: JobEntry
    found: Secret | Failed


async def watch(context: Context, job: JobEntry) -> Watched:
    """Watches until there are results, the job is over without any, or a deadline has passed.

    An unanswered look is no failure: the device goes on working, and only the deadlines end the watch.
    """
    limits, clock = context.entry.plan.limits, context.pace.monotonic
    phase, since, status = Phase.WAITING, clock(), _last_status(job)
    rhythm = _Rhythm(context=context, job=job)
    if context.on_cloud.is_behind(job.key):
        await rhythm.rest(phase, 0.0, at_most_s=limits.queue_timeout_s)
    looks, is_lost = 0, False
    while True:
        if phase is not Phase.WAITING or is_lost:
            download = await _download(context, job.download_id)
            if download and download.ready:
                return Watched(job=job, found=download.url)
        if phase is Phase.WAITING or looks % JOB_EVERY == 0:
            view = await _job(context, job.job_id)
            is_lost = view is None
            if view and view.status != status:
                status, job = view.status, await context.see(job, view.status, is_active=view.phase is Phase.ACTIVE)
            if view and view.phase is not phase:
                phase, since, looks = view.phase, clock(), 0
            if phase is Phase.FINAL:
                return Watched(job=job, found=await _after_the_end(context, job, view.verdict if view else ""))
        looks += 1
        deadline_s = limits.queue_timeout_s if phase is Phase.WAITING else limits.run_timeout_s
        left_s = since + deadline_s - clock()
        if left_s < 0:
            return Watched(job=job, found=await _last_look(context, job, _too_late(phase, status, deadline_s)))
        await rhythm.rest(phase, clock() - since, at_most_s=left_s)


@dataclass(kw_only=True)
class _Rhythm:
    """When to look again."""

    context: Context
    job: JobEntry
    waiting_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.waiting_s = self.context.entry.plan.limits.poll_interval_s

    async def rest(self, phase: Phase, elapsed_s: float, *, at_most_s: float) -> None:
        """Waits until the next look is worth it; `elapsed_s` is how long the phase has lasted."""
        if phase is Phase.ACTIVE:
            return await self.context.pace.sleep(min(self._running_s(elapsed_s), at_most_s))
        on_cloud, seconds = self.context.on_cloud, self._waiting_s()
        return await self.context.pace.sleep_unless(
            on_cloud.next_leave(self.job.key.cell.device), min(seconds, at_most_s)
        )

    def _running_s(self, elapsed_s: float) -> float:
        poll_s = self.context.entry.plan.limits.poll_interval_s
        shortest_s = self.context.durations.shortest_s(self.job.key.cell)
        if shortest_s is None:
            return max(poll_s, min(elapsed_s * PATIENCE, LONGEST_INTERVAL_S))
        return max(poll_s, shortest_s * EARLY - elapsed_s)

    def _waiting_s(self) -> float:
        longest_s = max(LONGEST_INTERVAL_S, self.context.entry.plan.limits.poll_interval_s)
        if self.context.on_cloud.is_behind(self.job.key):
            return longest_s
        now_s = self.waiting_s
        self.waiting_s = min(now_s * WAITING_GROWTH, longest_s)
        return now_s


async def watch_for_lost_job(context: Context, job: JobEntry, seconds: float) -> Secret | None:
    """Whether a job whose answer was lost exists after all: then its results appear in its own download.

    Only time counts in which they could have come: the cloud answered, and none of ours was before it on its device.
    The deadlines of a job that is known end the watch in any case.
    """
    limits, clock, left_s = context.entry.plan.limits, context.pace.monotonic, seconds
    end = clock() + limits.longest_s
    while True:
        download = await _download(context, job.download_id)
        if download and download.ready:
            return download.url
        if left_s <= 0 or clock() >= end:
            return None
        counts, rest_s = download is not None and await _is_next(context, job), min(left_s, limits.poll_interval_s)
        await context.pace.sleep(rest_s)
        if counts:
            left_s -= rest_s


async def _is_next(context: Context, lost: JobEntry) -> bool:
    """Whether none of ours is before it on its device, whoever drives them: then none comes there later."""
    there = await context.journal.jobs_on(context.entry.run.cloud, lost.key.cell.device)
    return not any(job.may_be_before(lost, context.entry.plan.limits.longest_s) for job in there)


async def _job(context: Context, job_id: str) -> JobView | None:
    try:
        return await context.pace.unless_stopped(context.cloud.device_cloud.job(job_id))
    except NO_ANSWER:
        return None


async def _download(context: Context, download_id: str) -> DownloadView | None:
    try:
        return await context.pace.unless_stopped(context.cloud.device_cloud.download(download_id))
    except NO_ANSWER:
        return None


async def _after_the_end(context: Context, job: JobEntry, verdict: str) -> Secret | Failed:
    """A job that is over publishes at once or a moment later, in its download or as its artifacts."""
    missing = f"the job completed without results{f' (its verdict: {verdict})' if verdict else ''}"
    for _ in range(LOOKS_AFTER_THE_END):
        found = await _last_look(context, job, Failed(kind=FailureKind.RESULTS_MISSING, reason=missing))
        if isinstance(found, Secret):
            return found
        try:
            return await context.cloud.device_cloud.artifacts_url(job.job_id)
        except (Refused, *NO_ANSWER):
            await context.pace.sleep(context.entry.plan.limits.poll_interval_s)
    return found


async def _last_look(context: Context, job: JobEntry, otherwise: Failed) -> Secret | Failed:
    download = await _download(context, job.download_id)
    return download.url if download and download.ready else otherwise


def _last_status(job: JobEntry) -> str:
    return job.changes[-1].state if job.changes else ""


def _too_late(phase: Phase, status: str, deadline_s: float) -> Failed:
    words: dict[Phase, tuple[FailureKind, Callable[[float], str]]] = {
        Phase.WAITING: (FailureKind.QUEUE_TIMEOUT, lambda s: f"still waiting ({status}) after {s:g} s"),
        Phase.ACTIVE: (FailureKind.RUN_TIMEOUT, lambda s: f"stuck in {status} for {s:g} s"),
    }
    kind, say = words[phase]
    return Failed(kind=kind, reason=say(deadline_s))
