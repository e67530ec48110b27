"""One plan's duty: what is due for it now, in the order in which it must be done."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from orchestrator.domain.exit_code import OK, worst
from orchestrator.domain.plan import Plan, schedule_of
from orchestrator.inputs.last_good_plan import LastGood
from orchestrator.scheduling.times import PlanTrigger


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A plan's newest run, where it has not ended. `is_busy`: a process works on it."""

    run_id: str
    is_busy: bool = False


@dataclass(frozen=True, kw_only=True)
class Hands:
    """What a scheduler needs done by others. `start` and `resume` give back the run's exit code.

    `read` raises PlanError; `tell` writes a line of the log about a plan.
    """

    read: Callable[[Path], LastGood]
    unfinished: Callable[[Plan], Awaitable[Unfinished | None]]
    has_run: Callable[[Plan, datetime], Awaitable[bool]]
    start: Callable[[Path, Plan, datetime], Awaitable[int]]
    resume: Callable[[Plan, str], Awaitable[int]]
    tell: Callable[[str, str], None]
    now: Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class Fulfilled:
    """What came of a plan's duty: the worst exit code, and whether a run that was due could not even begin."""

    code: int = OK
    is_still_due: bool = False


@dataclass(frozen=True, kw_only=True)
class Duty:
    """A plan file with what is owed to it."""

    path: Path
    hands: Hands
    grace: timedelta

    def plan(self) -> Plan:
        """The plan as its file says now, or as it last was good. Raises PlanError."""
        found = self.hands.read(self.path)
        if found.broken:
            self.hands.tell(found.plan.name, f"the plan's file is broken, its last good text is used: {found.broken}")
        return found.plan

    async def fulfil(self) -> Fulfilled:
        """Goes on with an interrupted run, then runs what is due. Raises PlanError."""
        plan, now = self.plan(), self.hands.now()
        trigger, tell = PlanTrigger(schedule_of(plan)), partial(self.hands.tell, plan.name)
        tick, unfinished = await self._due(plan, trigger, now), await self.hands.unfinished(plan)
        codes = []
        if unfinished and unfinished.is_busy:
            left_out = f"; {shown(tick)} is left out" if tick else ""
            tell(f"another process still works on run {unfinished.run_id}{left_out}")
            return Fulfilled()
        if unfinished:
            tell(f"going on with run {unfinished.run_id}")
            codes.append(await self.hands.resume(plan, unfinished.run_id))
        if tick and not await self.hands.has_run(plan, tick):
            tell(f"starting for {shown(tick)}")
            codes.append(await self.hands.start(self.path, plan, tick))
        if not codes:
            tell(f"nothing is due; next {shown(trigger.next_after(now))}")
        is_still_due = tick is not None and not await self.hands.has_run(plan, tick)
        return Fulfilled(code=worst(codes), is_still_due=is_still_due)

    async def _due(self, plan: Plan, trigger: PlanTrigger, now: datetime) -> datetime | None:
        """The scheduled time that is to be run now: the last one within the grace, unless it has its run."""
        tick = trigger.latest(now, self.grace)
        return None if tick is None or await self.hands.has_run(plan, tick) else tick


def shown(tick: datetime) -> str:
    """A scheduled time on the clocks of its plan: 2026-11-27 02:00 CET."""
    return f"{tick:%Y-%m-%d %H:%M %Z}"
