"""Nights without a cloud: runs whose jobs are done already, concluded by the real workflow on a real database."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestrator.domain.cell import Cell
from orchestrator.domain.device import Device, DeviceSelector, Platform
from orchestrator.domain.job import Attempt, StateChange
from orchestrator.domain.journal import JobState, RunEntry
from orchestrator.domain.measurement import Measurement, Metric
from orchestrator.domain.model import Model, ModelFormat
from orchestrator.domain.outcome import Measured
from orchestrator.domain.plan import GateRule, ModelEntry, Plan
from orchestrator.domain.report import Report
from orchestrator.domain.run import Run
from orchestrator.history.database import sqlite_url
from orchestrator.history.journal import Journal, open_journal
from orchestrator.workflow.benchmark import conclusion, judge_again
from orchestrator.workflow.pace import Pace

FIRST_NIGHT = datetime(2026, 3, 1, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
METRIC = "latency_p50_ms"
CELL = Cell(model="m", device="d")
RULE = GateRule(metric=METRIC, max_regression=0.05)


@dataclass(frozen=True, kw_only=True)
class NightPace(Pace):
    """A clock that stands at one moment."""

    moment: datetime

    def now(self) -> datetime:
        """That moment."""
        return self.moment


@dataclass
class Nightly:
    """A plan of one cell that runs every night; its jobs scatter by one percent, always alike."""

    folder: Path
    changes: Mapping[str, Any] = field(default_factory=dict)
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    @property
    def plan(self) -> Plan:
        """The plan as it is now."""
        path = self.folder / "m.onnx"
        plan = Plan(
            path=self.folder / "plan.yaml",
            text="version: 1",
            sha256="0" * 64,
            name="p",
            project="p",
            models=(ModelEntry(name="m", path=path),),
            devices=(DeviceSelector(),),
            gates=(RULE,),
        )
        return replace(plan, **self.changes)

    def ask(self, question: Callable[[Journal], Awaitable[Any]]) -> Any:
        """What the question finds in the journal."""

        async def inside() -> Any:
            async with self.journal() as journal:
                return await question(journal)

        return asyncio.run(inside())

    def journal(self) -> AbstractAsyncContextManager[Journal]:
        """The database."""
        return open_journal(sqlite_url(self.folder))

    def night(self, number: int, *sessions_ms: float, os: str = "14") -> Report:
        """A run of that night with a session at each of these speeds."""
        return self.ask(lambda journal: self.conclude(journal, number, sessions_ms, os))  # type: ignore[no-any-return]

    def nights(self, numbers: Sequence[int], latency_ms: float) -> list[Report]:
        """A run with one session on each night."""

        async def walk(journal: Journal) -> list[Report]:
            return [await self.conclude(journal, number, (latency_ms,), "14") for number in numbers]

        return self.ask(walk)  # type: ignore[no-any-return]

    async def conclude(self, journal: Journal, number: int, sessions_ms: Sequence[float], os: str) -> Report:
        """Journals a run as measured, and ends it."""
        entry = self.entry(number, os)
        await journal.begin(entry)
        further = entry.session_jobs({CELL: 2}) if sessions_ms[1:] else ()
        if further:
            await journal.add(further)
        for place, job in enumerate(await journal.jobs(entry.run.id)):
            at = entry.run.started_at + timedelta(minutes=place)
            outcome = Measured(measurement=self.measured(sessions_ms[place // self.plan.repeats]))
            changes = (StateChange(state="running", at=at),)
            attempt = Attempt(number=1, started_at=at, ended_at=at + SECOND, outcome=outcome, changes=changes)
            await journal.move(replace(job, state=JobState.DONE, outcome=outcome, attempts=(attempt,)))
        report = await conclusion(entry, journal, NightPace(moment=entry.run.started_at + timedelta(hours=1)))
        await journal.end(report.run, report.gates, report.alerts, report.seen)
        return report

    def entry(self, number: int, os: str = "14") -> RunEntry:
        """A run of that night."""
        plan, started_at = self.plan, FIRST_NIGHT + timedelta(days=number)
        run = Run(
            id=f"{started_at:%Y%m%dT%H%M%SZ}-00000000",
            plan=plan.name,
            project=plan.project,
            cloud="local",
            started_at=started_at,
            plan_sha256=plan.sha256,
            tool_version="0",
        )
        path = plan.models[0].path
        model = Model(name="m", path=path, format=ModelFormat.ONNX, sha256="1" * 64, size_bytes=10,
                      inputs=(), outputs=(), operators={})  # fmt: skip
        device = Device(name="d", platform=Platform.ANDROID, os=os)
        return RunEntry(run=run, plan=plan, models=(model,), devices=(device,), cells=(CELL,),
                        folder=self.folder / run.id, command="bench")  # fmt: skip

    def measured(self, latency_ms: float) -> Measurement:
        """What a job measures at that speed."""
        value = latency_ms * (1 + abs(self.dice.gauss(0, 0.01)))
        return Measurement(metrics={METRIC: Metric(value=value, unit="ms", n=2000)})

    async def judged_again(self, journal: Journal, report: Report) -> Report:
        """What `bench gate` says of a run."""
        entry = await journal.run(report.run.id)
        return await judge_again(entry, journal, entry.plan)


__all__ = ["CELL", "FIRST_NIGHT", "METRIC", "RULE", "Nightly"]


def new_nightly(folder: Path, **changes: Any) -> Nightly:
    """A plan that has never run; `changes` go over it."""
    return Nightly(folder=folder, changes=changes)
