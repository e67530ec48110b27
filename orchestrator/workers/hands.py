"""What a worker does for a task: drives one job as far as it goes, or ends a run whose jobs are all over."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

from orchestrator.client.cloud import Cloud
from orchestrator.domain.event import Event, Notice
from orchestrator.domain.journal import JobState, RunEntry
from orchestrator.domain.plan import Plan
from orchestrator.domain.report import Report
from orchestrator.domain.run import RunState
from orchestrator.errors import RunBusy, UsageError
from orchestrator.history.journal import Journal, Superseded
from orchestrator.history.store import Store
from orchestrator.history.turns import Task
from orchestrator.workers.queue import Queue
from orchestrator.workers.shared_files import SharedFiles, bring_models
from orchestrator.workers.shared_quota import SharedQuota
from orchestrator.workflow.benchmark import finish_conversions, further_sessions, surroundings
from orchestrator.workflow.context import Context
from orchestrator.workflow.job_pool import log
from orchestrator.workflow.kept_models import KeptModels
from orchestrator.workflow.one_job import measure
from orchestrator.workflow.pace import Pace
from orchestrator.workflow.reports import compared, conclusion

LOGGED_AT_ONCE = 8
RUNS_AT_HAND = 8
DURATIONS_LOOKED_AT = 30
BETWEEN_LOOKS_S = 1.0

OpenCloud = Callable[[str], AbstractAsyncContextManager[Cloud]]
TellPeople = Callable[[Plan, str], Awaitable[None]]
Publish = Callable[[Report, Path], Awaitable[None]]
Tell = Callable[[str, Event], None]


class Unfit(UsageError):
    """This worker's settings keep it from working for a run."""


@dataclass(kw_only=True)
class Hands:
    """One worker's means. `tell` hears what happens in which run; `publish` writes a run's reports into its folder.

    `tell_people` tells those whom the plan names of a run that has ended, never twice of the same.
    `reports` is this machine's folder for files of runs, `locks` the one for its locks.
    """

    journal: Journal
    queue: Queue
    store: Store
    kept: KeptModels
    open_cloud: OpenCloud
    publish: Publish
    tell_people: TellPeople
    tell: Tell
    pace: Pace
    reports: Path
    locks: Path
    _clouds: dict[str, Cloud] = field(default_factory=dict)
    _contexts: dict[str, Context] = field(default_factory=dict)
    _doors: WeakValueDictionary[Task, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _preparing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _logging: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOGGED_AT_ONCE))
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def close(self) -> None:
        """Closes the clouds."""
        await self._open.aclose()

    async def perform(self, task: Task) -> None:
        """Does what the task asks for; doing it again, or beside another worker, is harmless.

        A task that this worker is at already is done after that: others may have thought it dead, and given it back.
        Raises Interrupted once a stop was asked for, and what keeps the task from being done here and now: Superseded
        where somebody else moved the job on.
        """
        async with self._doors.setdefault(task, asyncio.Lock()):
            self.pace.check()
            if task.position is None:
                await self._settle(task.run_id)
            else:
                await self._drive(task.run_id, task.position)

    async def _drive(self, run_id: str, position: int) -> None:
        context, turns, put = await self._context(run_id), self.journal.turns, self.queue.put
        job = await self.journal.job(run_id, position)
        try:
            if not job.state.has_outcome:
                job = await measure(context, job)
                await self.journal.holds.open(context.entry.run.cloud)
                await turns.hand_out(run_id, put)
            if job.state is not JobState.DONE:
                async with self._logging:
                    await log(context, job)
        finally:
            context.forget(job.key)
        await turns.over(run_id, position, put)

    async def _settle(self, run_id: str) -> None:
        """Asks for further sessions, or ends the run. Where one died in the middle, the next does the rest."""
        entry = await self.journal.run(run_id)
        if entry.run.state is RunState.RUNNING:
            if await self._goes_on(run_id):
                await self.journal.turns.go_on(run_id, self.queue.put)
                return
            if entry.converted:
                await finish_conversions(await self._context(run_id))
            await self._end(entry)
        if entry.run.notify:
            await self.tell_people(entry.plan, run_id)

    async def _end(self, entry: RunEntry) -> None:
        """The reports are there before it is written that the run has ended."""
        run_id = entry.run.id
        report = await conclusion(entry, self.journal, self.pace)
        await self.publish(await compared(report, entry, self.journal), self.reports / run_id)
        try:
            await self.journal.end(report.run, report.gates, report.alerts, report.seen)
        except Superseded:
            return
        self._contexts.pop(run_id, None)
        self.tell(run_id, Notice(text=f"ended, exit code {report.run.exit_code}", at=self.pace.now()))

    async def _goes_on(self, run_id: str) -> bool:
        if not await self.journal.turns.is_over(run_id):
            return True
        try:
            return bool(await further_sessions(await self._context(run_id)))
        except Superseded:
            return True

    async def _context(self, run_id: str) -> Context:
        async with self._preparing:
            if run_id not in self._contexts:
                self._contexts[run_id] = await self._prepare(await self.journal.run(run_id))
                for old in list(self._contexts)[:-RUNS_AT_HAND]:
                    del self._contexts[old]
            return self._contexts[run_id]

    async def _prepare(self, entry: RunEntry) -> Context:
        run_id, cloud = entry.run.id, entry.run.cloud
        here = replace(await bring_models(entry, self.kept), folder=self.reports / run_id)
        known = await self.journal.some_done(run_id, DURATIONS_LOOKED_AT)
        listen = partial(self.tell, run_id)
        context = await surroundings(here, known, await self._cloud(cloud), self.journal, listen, self.pace)
        interval_s = entry.plan.limits.poll_interval_s
        quota = SharedQuota(cloud=cloud, holds=self.journal.holds, pace=self.pace, poll_interval_s=interval_s)
        files = SharedFiles(run_id=run_id, folder=here.folder, store=self.store)
        return replace(context, quota=quota, raw_files=files, alone=self._alone)

    @asynccontextmanager
    async def _alone(self, what: str) -> AsyncIterator[None]:
        """Waits until no other worker is at it; one that dies lets it go."""
        async with AsyncExitStack() as stack:
            while True:
                try:
                    await stack.enter_async_context(self.journal.held(what, self.locks))
                    break
                except RunBusy:
                    await self.pace.sleep(BETWEEN_LOOKS_S)
            yield

    async def _cloud(self, name: str) -> Cloud:
        if name not in self._clouds:
            try:
                self._clouds[name] = await self._open.enter_async_context(self.open_cloud(name))
            except UsageError as error:
                raise Unfit(str(error)) from None
        return self._clouds[name]
