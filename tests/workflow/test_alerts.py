"""Alerts and baselines over many nights, without a cloud: runs whose jobs are done already, on a real database."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.alert import Alert, acknowledge
from orchestrator.domain.cell import Cell
from orchestrator.domain.device import Device, DeviceSelector, Platform
from orchestrator.domain.job import Attempt, StateChange
from orchestrator.domain.journal import JobState, RunEntry
from orchestrator.domain.measurement import Measurement, Metric
from orchestrator.domain.model import Model, ModelFormat
from orchestrator.domain.outcome import Measured
from orchestrator.domain.plan import BaselinePolicy, GateRule, ModelEntry, Plan
from orchestrator.domain.report import GateResult, Report
from orchestrator.domain.run import Run
from orchestrator.history.database import sqlite_url
from orchestrator.history.journal import Journal, open_journal
from orchestrator.workflow.pace import Pace
from orchestrator.workflow.reports import conclusion, judge_again

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

    def judged_again(self, reports: Sequence[Report]) -> list[Report]:
        """What `bench gate` says of these runs now."""

        async def walk(journal: Journal) -> list[Report]:
            entries = [await journal.run(report.run.id) for report in reports]
            return [await judge_again(entry, journal, entry.plan) for entry in entries]

        return self.ask(walk)  # type: ignore[no-any-return]


NIGHT_OF_CHANGE = 12


@pytest.fixture
def nightly(tmp_path: Path) -> Callable[..., Nightly]:
    """Makes a plan that has never run; what is given goes over the plan."""
    return lambda **changes: Nightly(folder=tmp_path, changes=changes)


def at(number: int) -> datetime:
    """The first job of a night."""
    return FIRST_NIGHT + timedelta(days=number)


def verdict(report: Report) -> GateResult:
    return next(gate for gate in report.gates if gate.rule.startswith("at most"))


def acknowledged(nightly: Nightly, alert: Alert, until: datetime) -> None:
    move = partial(acknowledge, who="ada", reason="driver bug", until=until)
    nightly.ask(lambda journal: journal.baselines.alerts.move(alert.id, move))


def accepted(nightly: Nightly, report: Report) -> tuple[Alert, ...]:
    known = {"who": "ada", "reason": "wanted", "now": datetime.now(UTC)}
    _, alerts = nightly.ask(lambda journal: journal.baselines.accept(report.run.id, **known))
    return alerts  # type: ignore[no-any-return]


def test_a_night_of_a_slow_down_and_all_that_follows(nightly: Any) -> None:
    """One change: one alert, a baseline unharmed, silence, a further change, an end, and the same verdicts."""
    farm = nightly()
    runs = farm.nights(range(NIGHT_OF_CHANGE), 10.0)
    assert not any(run.alerts for run in runs)

    runs.append(farm.night(NIGHT_OF_CHANGE, 12.0, 12.0))
    (alert,) = runs[-1].new_alerts
    assert (alert.kind, alert.state, alert.since) == ("gate", "open", at(NIGHT_OF_CHANGE))
    assert (alert.before, alert.after) == (pytest.approx(10.0, rel=0.02), pytest.approx(12.0, rel=0.02))
    assert alert.low is not None
    assert 0.15 < alert.low < alert.change < (alert.high or 0)

    runs += [farm.night(number, 12.0, 12.0) for number in range(13, 18)]
    assert not any(run.new_alerts for run in runs[13:])
    assert {run.alerts[0].id for run in runs[13:]} == {alert.id}
    assert (runs[-1].run.exit_code, verdict(runs[-1]).baseline_sessions) == (10, NIGHT_OF_CHANGE)

    acknowledged(farm, alert, until=at(22))
    runs.append(farm.night(18, 12.0))
    assert (verdict(runs[-1]).verdict, verdict(runs[-1]).cause, runs[-1].run.exit_code) == ("warn", "acknowledged", 0)
    assert f"acknowledged by ada until 2026-03-23 (alert {alert.id}): driver bug" in verdict(runs[-1]).reason

    runs.append(farm.night(19, 14.0, 14.0))
    assert (verdict(runs[-1]).verdict, runs[-1].run.exit_code) == ("fail", 10)
    (further,) = runs[-1].new_alerts
    assert (further.state, further.since) == ("open", at(19))

    runs.append(farm.night(22, 12.0, 12.0))  # the acknowledgement has come to its end
    assert (verdict(runs[-1]).verdict, runs[-1].run.exit_code) == ("fail", 10)
    assert [found.state for found in runs[-1].alerts] == ["open", "open"]

    runs += farm.nights(range(23, 25), 10.0)
    assert not runs[-2].resolved_alerts
    assert {found.id for found in runs[-1].resolved_alerts} == {alert.id, further.id}
    assert {found.closed_because for found in runs[-1].alerts} == {"its rule passes two nights in a row"}
    runs += farm.nights(range(25, 27), 10.0)
    assert not runs[-1].alerts
    assert verdict(runs[-1]).baseline_sessions == NIGHT_OF_CHANGE + 3  # those since night 23, none of the slow ones

    runs.append(farm.night(20, 10.0))  # began before the last ones, and ended after them
    again = farm.judged_again(runs)
    assert [run.gates for run in again] == [run.gates for run in runs]
    assert [run.run.exit_code for run in again] == [run.run.exit_code for run in runs]


def test_a_change_that_no_gate_saw_is_taken_out_of_the_baseline_once_it_is_found(nightly: Any) -> None:
    farm = nightly(gates=())
    runs = farm.nights(range(NIGHT_OF_CHANGE), 10.0)
    runs += farm.nights(range(NIGHT_OF_CHANGE, 20), 10.7)
    found = next(run for run in runs if run.new_alerts)
    (alert,) = found.new_alerts
    assert (alert.kind, alert.began) == ("change_point", at(NIGHT_OF_CHANGE))
    assert alert.p is not None
    assert alert.p < 0.001
    assert int((found.run.started_at - at(NIGHT_OF_CHANGE)).days) <= 4
    assert sum(len(run.new_alerts) for run in runs) == 1

    farm.changes = {"gates": (RULE,)}
    runs.append(farm.night(20, 10.7, 10.7))
    assert (verdict(runs[-1]).verdict, verdict(runs[-1]).baseline_sessions) == ("fail", NIGHT_OF_CHANGE)
    assert not runs[-1].new_alerts
    assert [run.gates for run in farm.judged_again(runs)] == [run.gates for run in runs]


def test_a_gate_that_notices_late_does_not_alert_twice_and_its_alert_reaches_back(nightly: Any) -> None:
    farm = nightly()
    farm.nights(range(NIGHT_OF_CHANGE), 10.0)
    early = farm.nights(range(NIGHT_OF_CHANGE, 14), 10.8)  # one session each: suspicious, and no more
    assert [verdict(run).cause for run in early] == ["suspicious"] * 2
    late = farm.night(14, 10.8, 10.8)
    (alert,) = late.new_alerts
    assert (alert.kind, alert.since, alert.began) == ("gate", at(14), at(NIGHT_OF_CHANGE))
    assert not any(run.new_alerts for run in farm.nights(range(15, 22), 10.8))


def test_an_accepted_change_is_the_new_baseline_from_where_it_began(nightly: Any) -> None:
    farm = nightly()
    runs = farm.nights(range(NIGHT_OF_CHANGE), 10.0)
    runs += [farm.night(number, 12.0, 12.0) for number in range(NIGHT_OF_CHANGE, 18)]
    (alert,) = accepted(farm, runs[-1])
    assert (alert.state, alert.who, alert.reason) == ("accepted", "ada", "wanted")
    after = farm.nights(range(18, 20), 12.0)
    assert [(verdict(run).verdict, verdict(run).baseline_sessions) for run in after] == [("pass", 6), ("pass", 7)]
    assert verdict(after[-1]).baseline == pytest.approx(12.0, rel=0.02)
    assert not any(run.alerts for run in after)
    assert [run.gates for run in farm.judged_again(runs)] == [run.gates for run in runs]


@pytest.mark.parametrize("better", [9.0, 9.4], ids=["a large step", "a small one"])
def test_an_improvement_begins_the_baseline_anew(nightly: Any, better: float) -> None:
    farm = nightly(gates=(GateRule(metric=METRIC, max_regression=0.06 if better == 9.0 else 0.05),))
    runs = farm.nights(range(NIGHT_OF_CHANGE), 10.0) + farm.nights(range(NIGHT_OF_CHANGE, 24), better)
    assert verdict(runs[-1]).baseline == pytest.approx(better, rel=0.01)
    assert not any(run.alerts for run in runs)
    back = farm.nights(range(24, 25), 10.0)[0]
    assert verdict(back).cause == "suspicious"  # what was usual before is a regression now
    assert [run.gates for run in farm.judged_again(runs)] == [run.gates for run in runs]


def test_a_lucky_night_is_no_improvement(nightly: Any) -> None:
    farm = nightly()
    farm.nights(range(NIGHT_OF_CHANGE), 10.0)
    farm.night(NIGHT_OF_CHANGE, 9.0, 9.0)
    after = farm.nights(range(NIGHT_OF_CHANGE + 1, NIGHT_OF_CHANGE + 3), 10.0)
    assert [verdict(run).verdict for run in after] == ["pass", "pass"]
    assert verdict(after[-1]).baseline_sessions == NIGHT_OF_CHANGE + 2


def test_a_drift_from_the_pinned_run_alerts_once_until_it_goes_on(nightly: Any) -> None:
    farm = nightly()
    first = farm.nights(range(10), 10.0)
    farm.ask(lambda journal: journal.baselines.set_name("release/1", first[0].run.id))
    farm.changes = {"baseline": BaselinePolicy(pinned="release/1")}
    runs = [farm.night(number, *[10.0 * 1.004 ** (number - 9)] * 2) for number in range(10, 23)]
    runs += farm.nights(range(23, 27), 10.55)
    (drift,) = [alert for run in runs for alert in run.new_alerts]
    assert (drift.kind, drift.before) == ("drift", pytest.approx(10.0, rel=0.02))
    assert "fail" in {verdict(run).verdict for run in runs}

    (alert,) = accepted(farm, runs[-1])
    assert alert.id == drift.id
    still = farm.night(27, 10.55, 10.55)
    assert not still.new_alerts
    assert verdict(still).verdict != "fail"
    assert "accepted by ada" in verdict(still).reason
    farm.ask(lambda journal: journal.baselines.set_name("release/1", still.run.id))
    assert [run.gates for run in farm.judged_again([*first, *runs, still])] == [
        run.gates for run in [*first, *runs, still]
    ]


def test_an_alert_says_what_else_changed_at_that_point(nightly: Any) -> None:
    farm = nightly()
    farm.nights(range(NIGHT_OF_CHANGE), 10.0)
    runs = [farm.night(number, 12.0, os="15") for number in range(NIGHT_OF_CHANGE, 18)]
    assert verdict(runs[0]).cause == "not_comparable"
    (alert,) = [alert for run in runs for alert in run.new_alerts]
    assert (alert.kind, alert.context) == ("change_point", "os: 14 -> 15")


def test_what_was_kept_already_is_not_kept_twice(nightly: Any) -> None:
    """A run that was killed before its end was written is concluded once more."""
    farm = nightly()
    farm.nights(range(NIGHT_OF_CHANGE), 10.0)
    first = farm.night(NIGHT_OF_CHANGE, 12.0, 12.0)

    async def again(journal: Journal) -> Report:
        entry = await journal.run(first.run.id)
        return await conclusion(entry, journal, NightPace(moment=entry.run.started_at + timedelta(hours=2)))

    second = farm.ask(again)
    assert second.alerts == first.alerts
    assert len(farm.ask(lambda journal: journal.baselines.alerts.all())) == 1
