"""Following a run from anywhere: the events of a run, derived from the rows that changed since the last look."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.domain.durations import Durations
from orchestrator.domain.event import JobEnded, JobMoved, Listener, Notice, RunStarted, SessionsAdded
from orchestrator.domain.journal import JobEntry, JobState, RunEntry
from orchestrator.domain.run import Run, RunState
from orchestrator.errors import DatabaseLost
from orchestrator.history.journal import Journal
from orchestrator.history.outage import patience
from orchestrator.workflow.pace import Pace

LOOK_S = 1.0


async def follow(entry: RunEntry, journal: Journal, listen: Listener, pace: Pace, *, every_s: float = LOOK_S) -> Run:
    """Tells what happens in the run until it has ended or was interrupted; how it then stands.

    A database that is away is waited for. Raises Interrupted once a stop was asked for.
    """
    following = _Following(entry=entry, journal=journal, listen=listen)
    is_away = False
    while True:
        try:
            with patience(0):
                run = await journal.standing(entry.run.id)  # before the jobs: what they did until then is told
                await following.look()
        except DatabaseLost:
            if not is_away:
                listen(Notice(text="the database does not answer; waiting for it", at=pace.now()))
            is_away = True
        else:
            is_away = False
            if run.state is not RunState.RUNNING:
                following.end()
                return run
        await pace.sleep(every_s)


@dataclass(kw_only=True)
class _Following:
    """What was told so far: of each job, by its place, the entry as it last was. `ended` are the places of the done."""

    entry: RunEntry
    journal: Journal
    listen: Listener
    told: dict[int, JobEntry] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)

    async def look(self) -> None:
        """Tells what is new."""
        run_id = self.entry.run.id
        versions = await self.journal.versions(run_id)
        known = {place: job.version for place, job in self.told.items()}
        changed = [place for place, version in versions.items() if known.get(place) != version]
        jobs = dict(sorted((await self.journal.jobs_at(run_id, changed)).items()))
        if not self.told:
            await self._begin(jobs)
        self._add([job for place, job in jobs.items() if place not in self.told])
        happened = [event for place, job in jobs.items() for event in self._news(place, job)]
        for event in sorted(happened, key=lambda event: event.at):
            self.listen(event)

    async def _begin(self, jobs: dict[int, JobEntry]) -> None:
        entry = self.entry
        self.ended = {place for place, job in jobs.items() if job.state is JobState.DONE}
        done = Counter(jobs[place].key.cell for place in self.ended)
        durations = Durations(await self.journal.durations(entry.run))
        started = RunStarted(
            run_id=entry.run.id,
            cells=entry.cells,
            repeats=entry.plan.repeats,
            done=done.total(),
            done_of=done,
            known_s=durations.known(),
            at_once=entry.plan.limits.in_flight,
        )
        self.listen(started)
        self._add([job for job in jobs.values() if job.key.repeat > entry.plan.repeats or job.key.control])
        self.told = jobs

    def _add(self, jobs: list[JobEntry]) -> None:
        if jobs:
            new, old = (tuple(job.key.cell for job in jobs if job.key.control is control) for control in (False, True))
            self.listen(SessionsAdded(cells=new, repeats=1, beside=old))

    def _news(self, place: int, job: JobEntry) -> Iterator[JobMoved | JobEnded]:
        before = self.told.get(place)
        is_same = before is not None and before.attempt == job.attempt and before is not job
        told = len(before.changes) if before and is_same else 0
        self.told[place] = job
        if place in self.ended:
            return
        for change in job.changes[told:]:
            yield JobMoved(key=job.key, state=change.state, at=change.at, attempt=job.attempt, job_id=job.job_id)
        if job.state is JobState.DONE:
            yield self._ended(place, job)

    def _ended(self, place: int, job: JobEntry) -> JobEnded:
        self.ended.add(place)
        return JobEnded(result=job.result(), at=job.changes[-1].at if job.changes else self.entry.run.started_at)

    def end(self) -> None:
        """The run has ended: so have the jobs that could not be logged."""
        for place, job in self.told.items():
            if place not in self.ended:
                self.listen(self._ended(place, job))
