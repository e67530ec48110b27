"""Alerts over any course of nights: what opens one, what ends one, and that one change never alerts twice."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from orchestrator.domain.alert import (
    SAME_CHANGE,
    Alert,
    AlertKind,
    AlertState,
    accept,
    acknowledge,
    resolve,
    woken,
)
from orchestrator.domain.cell import Cell
from orchestrator.domain.device import DeviceSelector
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.gate import terms_of
from orchestrator.domain.plan import GateRule, ModelEntry, Plan
from orchestrator.domain.session import Session, Trust
from orchestrator.domain.watch import Watched, watch

CELL = Cell(model="m", device="d")
START, DAY = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=1)
METRIC, TOLERANCE = "latency_p50_ms", 0.05
PLAN = Plan(
    path=Path("plan.yaml"),
    text="",
    sha256="0" * 64,
    name="p",
    project="p",
    models=(ModelEntry(name="m", path=Path("m.onnx")),),
    devices=(DeviceSelector(),),
    gates=(GateRule(metric=METRIC, max_regression=TOLERANCE),),
)
BEGINNING = 9  # calm nights, so that the gate decides


def session(night: int, level: float, number: int = 1, metric: str = METRIC, **change: Any) -> Session:
    """A session whose jobs scatter by half a percent, always alike for its night."""
    dice = random.Random(night * 10 + number)
    jobs = tuple(level * (1 + abs(dice.gauss(0, 0.005))) for _ in range(3))
    fields = {"context": {"os": "14"}, "trust": Trust.TRUSTED, "iterations": {metric: 2000}, "values": {metric: jobs}}
    at = START + night * DAY + number * timedelta(minutes=1)
    return Session(cell=CELL, run_id=f"r{night:04}", at=at, number=number, planned=3, **(fields | change))  # type: ignore[arg-type]


class Nights(RuleBasedStateMachine):
    """A cell whose speed steps up and down at will, with people who acknowledge and accept at will."""

    def __init__(self) -> None:
        super().__init__()
        self.night, self.levels = 0, [10.0]
        self.sessions: list[Session] = []
        self.alerts: dict[str, Alert] = {}
        self.over: dict[str, Alert] = {}
        self.anew: datetime | None = None
        for _ in range(BEGINNING):
            self.measured(10.0, twice=False)

    @property
    def now(self) -> datetime:
        """When the newest night was over."""
        return START + self.night * DAY + DAY / 2

    @rule(level=st.sampled_from([8.0, 9.3, 10.0, 10.7, 12.0, 15.0]), nights=st.integers(1, 5), twice=st.booleans())
    def measured(self, level: float, twice: bool, nights: int = 1) -> None:
        """Some nights at one speed, the gate deciding or with one session only."""
        for _ in range(nights):
            self.night += 1
            self.levels.append(level)
            current = tuple(session(self.night, level, number) for number in ((1, 2) if twice else (1,)))
            self.apply(self.watched(current), current)

    def watched(self, current: tuple[Session, ...]) -> Watched:
        since = self.anew or START
        past = [found for found in self.sessions if found.at >= since]
        counting = [s for s in past if not any(alert.takes_out(CELL, s.at) for alert in self.alerts.values())]
        known = tuple(woken(alert, self.now) for alert in self.alerts.values())
        evidence = Evidence(current=current, baseline=tuple(counting), alerts=known, anew=self.anew)
        return watch(PLAN, terms_of(PLAN, [CELL]), CELL, evidence, past, run_id=current[0].run_id, now=self.now)

    def apply(self, found: Watched, current: tuple[Session, ...]) -> None:
        """What the store does with it."""
        for new in found.opened:
            assert new.id not in self.alerts
            alive = [alert for alert in self.alerts.values() if not alert.state.is_over]
            assert all(new.after > alert.after * (1 + TOLERANCE) * 0.999 for alert in alive)
            assert new.after > new.before * (1 + TOLERANCE) * 0.999
            self.alerts[new.id] = new
        for end in found.ended:
            nights = 2 if "two nights in a row" in end.because else 1
            assert max(self.levels[-nights:]) < end.alert.before * (1 + TOLERANCE)
            back = {"back_since": end.back_since, "run_id": current[0].run_id, "because": end.because, "now": self.now}
            self.alerts[end.alert.id] = resolve(self.alerts[end.alert.id], **back)
        if found.anew is not None:
            assert self.levels[-1] < max(self.levels)
            self.anew = max(found.anew, self.anew or found.anew)
        self.sessions.append(current[0])

    @precondition(lambda self: any(not alert.state.is_over for alert in self.alerts.values()))
    @rule(data=st.data(), days=st.integers(1, 9))
    def acknowledged(self, data: st.DataObject, days: int) -> None:
        """Somebody knows of one for some days."""
        self.move(data, lambda alert: acknowledge(alert, who="ada", reason="known", until=self.now + days * DAY))

    @precondition(lambda self: any(not alert.state.is_over for alert in self.alerts.values()))
    @rule(data=st.data())
    def accepted(self, data: st.DataObject) -> None:
        """Somebody wants one."""
        moved = self.move(data, lambda alert: accept(alert, who="ada", reason="wanted", now=self.now))
        self.anew = max(moved.began, self.anew or moved.began)

    def move(self, data: st.DataObject, step: Callable[[Alert], Alert]) -> Alert:
        """The next step of one that is not over."""
        alive = sorted(alert_id for alert_id, alert in self.alerts.items() if not alert.state.is_over)
        chosen = data.draw(st.sampled_from(alive))
        self.alerts[chosen] = step(self.alerts[chosen])
        return self.alerts[chosen]

    @invariant()
    def one_change_never_alerts_twice(self) -> None:
        """Whatever became of the first."""
        for one, other in combinations(self.alerts.values(), 2):
            assert abs(one.since - other.since) > SAME_CHANGE

    @invariant()
    def what_is_over_stays_as_it_is(self) -> None:
        """Resolved and accepted alerts never change again."""
        assert all(self.alerts[alert_id] == alert for alert_id, alert in self.over.items())
        self.over = {alert_id: alert for alert_id, alert in self.alerts.items() if alert.state.is_over}

    @invariant()
    def calm_nights_are_calm(self) -> None:
        """No alert without a change, and none for a change for the better."""
        if all(later <= earlier for earlier, later in pairwise(self.levels)):
            assert not self.alerts


TestNights = Nights.TestCase
TestNights.settings = settings(
    max_examples=20, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def look(past: list[Session], now: Session, plan: Plan = PLAN, **evidence: Any) -> Watched:
    found = Evidence(**{"current": (now,), "baseline": tuple(past)} | evidence)
    return watch(plan, terms_of(plan, [CELL]), CELL, found, past, run_id=now.run_id, now=now.at)


def nights(*levels: float, **change: Any) -> list[Session]:
    return [session(number, level, **change) for number, level in enumerate(levels)]


def test_a_cell_without_a_relative_rule_is_watched_by_its_latency() -> None:
    *past, now = nights(*[10.0] * 10, *[10.8] * 5)
    (alert,) = look(past, now, plan=Plan(**vars(PLAN) | {"gates": ()})).opened
    assert (alert.kind, alert.metric, alert.since) == (AlertKind.CHANGE_POINT, METRIC, past[10].at)


def test_a_change_for_the_better_opens_nothing_and_fewer_a_second_is_worse() -> None:
    rate = "throughput_per_s"
    plan = Plan(**vars(PLAN) | {"gates": (GateRule(metric=rate, max_regression=TOLERANCE),)})
    *past, now = nights(*[100.0] * 10, *[130.0] * 6, metric=rate)
    assert not look(past, now, plan).opened
    *past, now = nights(*[100.0] * 10, *[80.0] * 6, metric=rate)
    (alert,) = look(past, now, plan).opened
    assert alert.change == pytest.approx(-0.2, abs=0.02)


def test_a_change_that_is_over_when_it_is_first_seen_opens_nothing() -> None:
    *past, now = nights(*[10.0] * 10, *[12.0] * 6, *[10.0] * 6)
    assert not look(past, now).opened


def test_a_night_of_a_regression_that_is_over_hides_nothing_after_it() -> None:
    *past, now = nights(*[10.0] * 10, 15.0, 15.0, *[10.0] * 3, *[10.7] * 6)
    assert not look(past, now).opened
    alert = look(nights(*[10.0] * 10), past[10], current=(past[10], session(10, 15.0, 2))).opened[0]
    gone = resolve(alert, back_since=past[12].at, run_id="r", because="", now=past[13].at)
    (found,) = look(past, now, alerts=(gone,), baseline=tuple(past[:10])).opened
    assert found.since == past[15].at


def test_one_slow_night_keeps_a_change_point_from_ending_it() -> None:
    *past, now = nights(*[10.0] * 10, *[12.0] * 6, *[10.1] * 5, 12.0)
    alert = look(past[:15], past[15], baseline=()).opened[0]
    assert not look(past, now, baseline=(), alerts=(alert,)).ended


def test_a_rule_that_lets_a_change_pass_does_not_end_it_for_a_narrower_one() -> None:
    wide = GateRule(metric=METRIC, max_regression=0.2)
    plan = Plan(**vars(PLAN) | {"gates": (*PLAN.gates, wide)})
    *past, now = nights(*[10.0] * 10, *[10.8] * 6)
    (alert,) = look(past, now, plan).opened
    later = [*past, now, *(session(night, 10.8) for night in (16, 17))]
    baseline = tuple(past[:10])
    assert not look(later, session(18, 10.8), plan, baseline=baseline, alerts=(alert,)).ended
    back = [*later, session(18, 10.0)]
    assert look(back, session(19, 10.0), plan, baseline=baseline, alerts=(alert,)).ended


def test_a_clock_that_is_too_coarse_shows_no_change() -> None:
    coarse = [
        session(number, level, values={METRIC: (float(level),) * 3})
        for number, level in enumerate([8] * 10 + [9] * 6)
    ]  # fmt: skip
    assert not look(coarse[:-1], coarse[-1]).opened


def test_what_a_model_was_converted_to_is_no_later_night_of_it() -> None:
    converted = {"context": {"os": "14", "file": "tflite, converted by onnx2tf 2.6.9"}}
    calm, slow = [session(night, 10.0) for night in range(10)], [session(night, 15.0) for night in range(10, 16)]
    calm_too, slow_too = ([replace(found, **converted) for found in nights] for nights in (calm, slow))
    assert look([*calm, *slow[:-1]], slow[-1]).opened
    assert look([*calm_too, *slow_too[:-1]], slow_too[-1]).opened
    assert not look([*calm, *slow_too[:-1]], slow_too[-1]).opened
    assert not look([*calm_too, *slow[:-1]], slow[-1]).opened


def test_nights_that_were_not_measured_whole_are_no_nights() -> None:
    broken = {"values": {METRIC: (30.0,)}, "missing": ("job #2", "job #3")}
    past = [*nights(*[10.0] * 10), *(session(night, 30.0, **broken) for night in range(10, 15))]
    assert not look(past, session(15, 10.0)).opened


def test_memory_that_grew_alerts_by_its_plain_threshold_and_is_back_after_two_nights() -> None:
    metric = "peak_memory_mb"
    plan = Plan(**vars(PLAN) | {"gates": (GateRule(metric=metric, max_regression=TOLERANCE),)})
    *past, now = nights(*[100.0] * 10, 120.0, metric=metric)
    (alert,) = look(past, now, plan).opened
    assert (alert.kind, alert.low, alert.p) == (AlertKind.GATE, None, None)
    *past, now = nights(*[100.0] * 10, 120.0, 100.0, 100.0, metric=metric)
    baseline = tuple(past[:10])
    (ending,) = look(past, now, plan, baseline=baseline, alerts=(alert,)).ended
    assert (ending.alert, ending.back_since) == (alert, past[-1].at)
    assert not look(past[:-1], past[-1], plan, baseline=baseline, alerts=(alert,)).ended


def test_a_change_point_back_ends_what_no_gate_can_decide() -> None:
    *past, now = nights(*[10.0] * 10, *[12.0] * 6, *[10.1] * 6)
    alert = look(past[:15], past[15], baseline=()).opened[0]
    (ending,) = look(past, now, baseline=(), alerts=(alert,)).ended
    assert ending.back_since == past[16].at
    assert "change point for the better" in ending.because
    assert alert.state is AlertState.OPEN
