"""Plans at their times, until stopped: APScheduler's clock, and every plan's duty."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from pathlib import Path

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobExecutionEvent, JobSubmissionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from orchestrator.domain.plan import Schedule, schedule_of
from orchestrator.errors import BenchError, PlanError
from orchestrator.scheduling.duty import Duty, shown
from orchestrator.scheduling.times import PlanTrigger

TRY_AGAIN_AFTER = timedelta(minutes=10)  # where a run could not begin, as long as the grace lasts
LOOK_EVERY_S = 10.0  # for changed files; also how late a clock that was set, or a computer that slept, is noticed


@dataclass(kw_only=True)
class Nights:
    """Plans that run by themselves. `report_bug` is told what no plan's run may bring down the others with.

    A plan never runs twice at once, and a time that comes while it still runs is left out. Whatever happens to one
    run, the scheduler goes on.
    """

    duties: Mapping[Path, Duty]
    report_bug: Callable[[str, Exception], None]
    look_every_s: float = LOOK_EVERY_S
    _schedules: dict[str, Schedule] = field(default_factory=dict)
    _marks: dict[str, tuple[int, int]] = field(default_factory=dict)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def keep(self, stop: asyncio.Event) -> None:
        """Runs the plans until `stop` is set, and then waits for what still runs."""
        clock = AsyncIOScheduler(timezone=UTC)
        clock.add_listener(self._tell_missed, EVENT_JOB_MISSED)
        clock.add_listener(self._tell_overlap, EVENT_JOB_MAX_INSTANCES)
        clock.start(paused=True)
        for duty in self.duties.values():
            self._watch(clock, duty)
        clock.resume()
        while not await _is_set_within(stop, self.look_every_s):
            self._look(clock)
            clock.wakeup()
        clock.pause()
        await asyncio.gather(*self._running)
        clock.shutdown(wait=False)

    def _watch(self, clock: AsyncIOScheduler, duty: Duty) -> None:
        """Puts a plan on the clock, first of all for now: something may be due, or wait to be gone on with."""
        name = str(duty.path)
        self._marks[name] = _mark(duty.path)
        schedule = schedule_of(duty.plan())
        self._schedules[name] = schedule
        clock.add_job(
            self._fulfil,
            PlanTrigger(schedule),
            [clock, duty],
            id=name,
            next_run_time=duty.hands.now(),
            misfire_grace_time=max(1, round(duty.grace.total_seconds())),
            coalesce=True,
            max_instances=1,
        )

    async def _fulfil(self, clock: AsyncIOScheduler, duty: Duty) -> None:
        task = asyncio.current_task()
        assert task
        self._running.add(task)
        with self._outliving(duty):
            try:
                is_still_due = (await duty.fulfil()).is_still_due
            except BenchError as error:
                duty.hands.tell(duty.path.name, f"error: {error}")
                is_still_due = True
            if is_still_due:
                self._try_again(clock, duty)
        self._running.discard(task)

    def _try_again(self, clock: AsyncIOScheduler, duty: Duty) -> None:
        """A cloud or a database that is away for a moment costs no night."""
        again = duty.hands.now() + TRY_AGAIN_AFTER
        coming = clock.get_job(str(duty.path)).next_run_time
        if coming is not None and again < coming:
            clock.modify_job(str(duty.path), next_run_time=again)
            duty.hands.tell(duty.path.name, f"could not begin; tried again in {TRY_AGAIN_AFTER.seconds // 60} min")

    @contextmanager
    def _outliving(self, duty: Duty) -> Iterator[None]:
        """Whatever goes wrong with one plan is told, and ends nothing."""
        try:
            yield
        except BenchError as error:
            duty.hands.tell(duty.path.name, f"error: {error}")
        except Exception as error:
            self.report_bug(duty.path.name, error)

    def _look(self, clock: AsyncIOScheduler) -> None:
        """Reads plans anew whose files have changed, so that a new time holds before the old one comes."""
        for name, duty in ((str(duty.path), duty) for duty in self.duties.values()):
            mark = _mark(duty.path)
            if mark != self._marks[name]:
                self._marks[name] = mark
                with self._outliving(duty):
                    self._read_anew(clock, duty)

    def _read_anew(self, clock: AsyncIOScheduler, duty: Duty) -> None:
        name = str(duty.path)
        try:
            plan = duty.plan()
        except PlanError as error:
            duty.hands.tell(duty.path.name, f"is not run until this is put right: {error}")
            clock.modify_job(name, next_run_time=None)
            self._schedules.pop(name, None)
            return
        if self._schedules.get(name) != plan.schedule:
            self._schedules[name] = schedule_of(plan)
            trigger = PlanTrigger(schedule_of(plan))
            coming = trigger.next_after(duty.hands.now())
            clock.modify_job(name, trigger=trigger, next_run_time=coming)
            duty.hands.tell(plan.name, f"has a new schedule; next {shown(coming)}")

    def _tell_missed(self, event: JobExecutionEvent) -> None:
        duty = self.duties[Path(event.job_id)]
        grace_h = duty.grace / timedelta(hours=1)
        text = f"{shown(event.scheduled_run_time)} was missed, longer ago than the grace of {grace_h:g} h"
        duty.hands.tell(duty.path.name, text)

    def _tell_overlap(self, event: JobSubmissionEvent) -> None:
        duty = self.duties[Path(event.job_id)]
        duty.hands.tell(duty.path.name, f"still runs; {shown(event.scheduled_run_times[-1])} is left out")


async def _is_set_within(stop: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()


def _mark(path: Path) -> tuple[int, int]:
    """Changes when a file does; zeros while it is not there."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
