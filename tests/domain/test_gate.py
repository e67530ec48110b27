"""Every rule's verdict on every expected cell, from the sessions there are."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.domain.cell import Cell
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.gate import judge
from orchestrator.domain.next_sessions import next_sessions
from orchestrator.domain.plan import BaselinePolicy, GateRule, Gating, Plan
from orchestrator.domain.report import GateResult
from orchestrator.domain.session import Session, Trust

CELL = Cell(model="m", device="d")
P50, MEMORY = "latency_p50_ms", "peak_memory_mb"
RULE = GateRule(metric=P50, max_regression=0.05)
STEADY = [10 * value for value in np.exp(np.random.default_rng(1).normal(0, 0.005, 20))]
Make = Callable[..., Session]
MakePast = Callable[..., tuple[Session, ...]]


def plan(*rules: GateRule, baseline: BaselinePolicy | None = None, **gating: Any) -> Plan:
    """A plan with these gates."""
    return Plan(
        path=Path("plan.yaml"),
        text="",
        sha256="",
        name="p",
        project="p",
        models=(),
        devices=(),
        gates=rules,
        baseline=baseline or BaselinePolicy(),
        gating=Gating(**gating),
    )


def verdict(evidence: Evidence, rule: GateRule = RULE, **terms: Any) -> GateResult:
    """The rule's own result."""
    return judge(plan(rule, **terms), [CELL], {CELL: evidence})[0]


def told(result: GateResult) -> tuple[str, str]:
    return result.verdict, result.cause


# budgets


@pytest.mark.parametrize(
    ("jobs", "budget", "expected"),
    [
        ((9.0, 9.01, 9.02), 10, ("pass", "")),
        ((11.0, 11.01, 11.02), 10, ("fail", "")),
        ((9.0, 9.01, 9.3), 10, ("pass", "")),
        ((9.0, 9.01, 30.0), 10, ("pass", "marginal")),
        ((9.9, 10.4, 9.7), 10, ("pass", "marginal")),
        ((10.1, 10.4, 9.7), 10, ("fail", "marginal")),
        ((9.0, 9.0), 10, ("inconclusive", "too_few_jobs")),
        ((), 10, ("inconclusive", "missing")),
    ],
)
def test_a_budget_is_held_against_the_median_of_at_least_three_jobs(
    session: Make, jobs: tuple[float, ...], budget: float, expected: tuple[str, str]
) -> None:
    now = session(P50, *jobs, planned=max(len(jobs), 1))
    found = verdict(Evidence(current=(now,)), GateRule(metric=P50, max=budget))
    assert told(found) == expected
    assert found.reason


def test_a_budget_counts_the_jobs_of_all_sessions(session: Make) -> None:
    now = (session(P50, 9.0, 9.0), session(P50, 11.0, 11.1))
    assert verdict(Evidence(current=now), GateRule(metric=P50, max=9.5)).verdict == "fail"


# what is not fit to be judged


@pytest.mark.parametrize(
    ("metric", "change", "cause"),
    [
        (P50, {"missing": ("job #2 has no result (device: lost)",)}, "missing"),
        (P50, {"planned": 5}, "missing"),
        (P50, {"values": {}}, "missing"),
        (P50, {"profiled": True}, "not_independent"),
        ("latency_p90_ms", {"iterations": {"latency_p90_ms": 49}}, "too_few_iterations"),
        ("latency_p95_ms", {"iterations": {}}, "too_few_iterations"),
        ("latency_p99_ms", {"iterations": {"latency_p99_ms": 999}}, "too_few_iterations"),
    ],
)
@pytest.mark.parametrize("limit", [{"max": 1000.0}, {"max_regression": 0.5}])
def test_what_is_missing_or_unsound_never_passes(
    session: Make, past: MakePast, metric: str, change: dict[str, Any], cause: str, limit: dict[str, float]
) -> None:
    evidence = Evidence(current=(session(metric, 10, 10, 10, **change),), baseline=past(metric, STEADY))
    assert told(verdict(evidence, GateRule(metric=metric, **limit))) == ("inconclusive", cause)


def test_a_planned_cell_of_which_nothing_is_known_has_a_verdict() -> None:
    rules = (RULE, GateRule(metric=P50, max=1.0), GateRule(require={"cpu": 0.5}))
    found = judge(plan(*rules), [CELL, Cell(model="n", device="d")], {})
    assert [told(result) for result in found] == [("inconclusive", "missing")] * 6


def test_rules_cover_the_cells_they_name(session: Make) -> None:
    rule = GateRule(metric=P50, max=1.0, models="N*")
    found = judge(plan(rule), [CELL, Cell(model="n1", device="d")], {})
    assert [result.cell.model for result in found] == ["n1"]


# against the past


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        ([10.0], ("pass", "")),
        ([11.0], ("inconclusive", "suspicious")),
        ([11.0, 11.0], ("fail", "")),
        ([11.0, 10.0, 11.0], ("fail", "")),
        ([10.5, 10.45, 10.45], ("inconclusive", "undecided")),
        ([5.0], ("pass", "")),
    ],
)
def test_history_has_three_outcomes(
    session: Make, past: MakePast, sessions: list[float], expected: tuple[str, str]
) -> None:
    now = tuple(session(P50, value, value * 1.001, value * 1.002) for value in sessions)
    found = verdict(Evidence(current=now, baseline=past(P50, STEADY)))
    assert told(found) == expected
    assert found.low is not None
    assert found.high is not None
    assert found.change is not None
    assert found.low < found.change < found.high
    assert found.value == pytest.approx(float(np.exp(np.mean(np.log(sessions)))))
    assert found.baseline == pytest.approx(10.0, rel=0.01)
    assert found.sensitivity == pytest.approx(0.01, abs=0.005)
    assert (found.sessions, found.baseline_sessions, found.statistic) == (len(sessions), 20, "best")


def test_more_throughput_is_better(session: Make, past: MakePast) -> None:
    rule = GateRule(metric="throughput_per_s", max_regression=0.05)
    history = past("throughput_per_s", [value * 10 for value in STEADY])
    for value, expected in ((110.0, "pass"), (90.0, "fail")):
        now = tuple(session("throughput_per_s", value, value, value) for _ in range(2))
        found = verdict(Evidence(current=now, baseline=history), rule)
        assert found.verdict == expected
        assert found.change == pytest.approx(value / 100 - 1, abs=0.01)


def test_a_difference_below_at_least_is_no_regression(session: Make, past: MakePast) -> None:
    now = (session(P50, 11.0, 11.0, 11.0), session(P50, 11.0, 11.0, 11.0))
    evidence = Evidence(current=now, baseline=past(P50, STEADY))
    assert verdict(evidence, replace(RULE, at_least=0.5)).verdict == "fail"
    assert verdict(evidence, replace(RULE, at_least=2.0)).verdict == "pass"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"count": 4}, ("warn", "no_baseline")),
        ({"context": {"os": "13"}}, ("inconclusive", "not_comparable")),
        ({"trust": Trust.INVALID}, ("warn", "no_baseline")),
        ({"repeats": 2}, ("warn", "no_baseline")),
        ({"count": 7, "now": 12.0}, ("inconclusive", "young_baseline")),
        ({"trust": Trust.NOISY}, ("pass", "")),
        ({"number": 2}, ("warn", "no_baseline")),
        ({"profiled": True}, ("warn", "no_baseline")),
    ],
)
def test_only_comparable_sessions_are_a_baseline(
    session: Make, past: MakePast, change: dict[str, Any], expected: tuple[str, str]
) -> None:
    value, count = change.pop("now", 10.0), change.pop("count", 20)
    now = (session(P50, value, value, value), session(P50, value, value, value))
    evidence = Evidence(current=now, baseline=past(P50, STEADY[:count], **change))
    assert told(verdict(evidence)) == expected


def test_an_old_baseline_is_stale(session: Make, past: MakePast) -> None:
    now = session(P50, 10.0, 10.0, 10.0, days_ago=-30)
    found = verdict(Evidence(current=(now,), baseline=past(P50, STEADY)))
    assert told(found) == ("inconclusive", "stale")


@pytest.mark.parametrize("new_cells", ["warn", "fail", "inconclusive"])
@pytest.mark.parametrize("metric", [P50, MEMORY])
def test_the_plan_says_what_new_cells_are(session: Make, metric: str, new_cells: str) -> None:
    found = verdict(
        Evidence(current=(session(metric, 10, 10, 10),)),
        GateRule(metric=metric, max_regression=0.05),
        new_cells=new_cells,
    )
    assert told(found) == (new_cells, "no_baseline")


def test_a_coarse_clock_proves_nothing(session: Make, past: MakePast) -> None:
    evidence = Evidence(current=(session(P50, 10, 10, 10),), baseline=past(P50, [10.0] * 20))
    assert told(verdict(evidence)) == ("inconclusive", "clock")
    assert verdict(evidence, replace(RULE, max_regression=0.5)).verdict == "pass"


def test_a_context_that_changed_is_named(session: Make, past: MakePast) -> None:
    evidence = Evidence(current=(session(P50, 10, 10, 10),), baseline=past(P50, STEADY, context={"os": "13"}))
    assert "os: 13 -> 14" in verdict(evidence).reason


def test_it_is_the_same_verdict_whatever_came_later(session: Make, past: MakePast) -> None:
    evidence = Evidence(current=(session(P50, 10.0, 10.0, 10.0),), baseline=past(P50, STEADY))
    later = tuple(session(P50, 20.0, 20.0, 20.0, days_ago=-day) for day in range(1, 20))
    assert verdict(replace(evidence, baseline=(*evidence.baseline, *later))) == verdict(evidence)


# the old model beside the new one, and the pinned run


def test_control_decides_where_the_past_cannot(session: Make, past: MakePast) -> None:
    history = past(P50, STEADY, context={"os": "13"})
    for value, expected in ((10.0, "pass"), (11.0, "fail")):
        now = tuple(session(P50, value, value, value) for _ in range(2))
        old = tuple(session(P50, 10.01, 10.01, 10.01) for _ in range(2))
        evidence = Evidence(current=now, baseline=history, control=old)
        assert verdict(evidence).verdict == expected
        assert told(verdict(evidence, baseline=BaselinePolicy(control="never"))) == ("inconclusive", "not_comparable")


def test_control_needs_to_know_the_noise(session: Make) -> None:
    one = session(P50, 10.013, 10.01, 10.01)
    pairs = tuple((session(P50, 10.01 + n / 1000, 10, 10), session(P50, 10.01, 10, 10)) for n in range(8))
    evidence = Evidence(current=(one,), control=(one,))
    assert told(verdict(evidence)) == ("warn", "no_baseline")
    always = BaselinePolicy(control="always")
    assert told(verdict(evidence, baseline=always)) == ("inconclusive", "no_noise_estimate")
    assert told(verdict(replace(evidence, pairs=pairs))) == ("pass", "")


def test_a_control_that_the_plan_wants_and_that_did_not_run_is_missing(session: Make, past: MakePast) -> None:
    evidence = Evidence(current=(session(P50, 10.0, 10.0, 10.0),), baseline=past(P50, STEADY))
    assert told(verdict(evidence, baseline=BaselinePolicy(control="always"))) == ("inconclusive", "missing")


def test_a_pinned_run_sees_the_drift_that_the_past_went_along_with(session: Make, past: MakePast) -> None:
    now = (session(P50, 10.0, 10.0, 10.0), session(P50, 10.0, 10.0, 10.0))
    pinned = (session(P50, 9.0, 9.0, 9.0, days_ago=60),)
    evidence = Evidence(current=now, baseline=past(P50, STEADY), pinned=pinned)
    policy = BaselinePolicy(pinned="release/2.4")
    assert verdict(evidence).verdict == "pass"
    found = verdict(evidence, baseline=policy)
    assert found.verdict == "fail"
    assert "release/2.4" in found.reason
    assert found.baseline == pytest.approx(9.0)
    assert told(verdict(replace(evidence, pinned=()), baseline=policy)) == ("inconclusive", "not_comparable")


# plain thresholds and placement


@pytest.mark.parametrize(("value", "expected"), [(104.0, "pass"), (106.0, "fail"), (50.0, "pass")])
def test_memory_is_held_against_a_plain_threshold(session: Make, past: MakePast, value: float, expected: str) -> None:
    evidence = Evidence(current=(session(MEMORY, value, value, 500.0),), baseline=past(MEMORY, [100.0] * 6))
    assert verdict(evidence, GateRule(metric=MEMORY, max_regression=0.05)).verdict == expected


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({"NPU": 0.96, "CPU": 0.04}, ("pass", "")),
        ({"NPU": 0.94, "CPU": 0.06}, ("fail", "")),
        ({"unknown": 1.0}, ("fail", "")),
        ({}, ("inconclusive", "missing")),
    ],
)
def test_the_time_must_be_spent_where_the_plan_says(
    session: Make, shares: dict[str, float], expected: tuple[str, str]
) -> None:
    now = session(P50, 10, unit_shares=shares, profiled=True)
    assert told(verdict(Evidence(current=(now,)), GateRule(require={"npu": 0.95}))) == expected


def test_a_layer_that_moved_is_a_warning(session: Make) -> None:
    shares = {"NPU": 0.96, "CPU": 0.04}
    before = session(P50, 10, days_ago=1, units={"a": "NPU", "b": "NPU", "gone": "CPU"})
    now = session(P50, 10, unit_shares=shares, units={"a": "NPU", "b": "CPU", "new": "CPU"})
    found = verdict(Evidence(current=(now,), baseline=(before,)), GateRule(require={"npu": 0.95}))
    assert told(found) == ("warn", "moved")
    assert "b from NPU to CPU" in found.reason
    assert "new" not in found.reason


# levels, profiles, several limits, companions


def test_a_rule_that_warns_never_blocks(session: Make) -> None:
    rule = GateRule(metric=P50, max=5.0, level="warn")
    assert verdict(Evidence(current=(session(P50, 10, 10, 10),)), rule).verdict == "warn"
    assert told(verdict(Evidence(current=(session(P50, 10),)), rule)) == ("warn", "too_few_jobs")


def test_at_night_what_is_open_warns_and_what_is_missing_does_not(session: Make) -> None:
    rule = GateRule(metric=P50, max=5.0)
    assert told(verdict(Evidence(current=(session(P50, 10),)), rule, profile="nightly")) == ("warn", "too_few_jobs")
    assert told(verdict(Evidence(), rule, profile="nightly")) == ("inconclusive", "missing")


def test_of_two_limits_in_one_rule_the_worse_answers(session: Make, past: MakePast) -> None:
    evidence = Evidence(current=(session(P50, 10.0, 10.0, 10.0),), baseline=past(P50, STEADY))
    found = verdict(evidence, replace(RULE, max=5.0))
    assert found.verdict == "fail"
    assert "above the budget" in found.reason
    assert found.baseline == pytest.approx(10.0, rel=0.01)


def test_companions_warn_of_what_the_best_job_hides(session: Make, past: MakePast) -> None:
    history = past(P50, STEADY)
    tails = past("latency_p90_ms", [12.0] * 20)
    both = tuple(
        replace(a, values={**a.values, **b.values}, iterations={**a.iterations, **b.iterations})
        for a, b in zip(history, tails, strict=True)
    )
    slow = session(P50, 10.0, 14.0, 14.0)
    now = replace(slow, values={**slow.values, "latency_p90_ms": (12.0, 20.0, 20.0)}, iterations={"latency_p90_ms": 99})
    found = judge(plan(RULE), [CELL], {CELL: Evidence(current=(now,), baseline=both)})
    assert [(result.metric, result.rule, result.verdict) for result in found[1:]] == [
        ("latency_p90_ms", "tail", "warn"),
        (P50, "slow share", "warn"),
    ]
    assert len(judge(plan(RULE), [CELL], {CELL: Evidence(current=(now,))})) == 1


# further sessions


@pytest.mark.parametrize(
    ("sessions", "rule", "number"),
    [
        ([10.0], RULE, None),
        ([11.0], RULE, 2),
        ([11.0, 10.0], RULE, 3),
        ([11.0, 10.0, 10.5], RULE, None),
        ([11.0, 11.0], RULE, None),
        ([11.0], replace(RULE, level="warn"), None),
        ([10.0], GateRule(metric=P50, max=10.0001), 2),
        ([], RULE, None),
    ],
)
def test_only_doubtful_cells_get_further_sessions(
    session: Make, past: MakePast, sessions: list[float], rule: GateRule, number: int | None
) -> None:
    now = tuple(session(P50, value, value * 1.001, value * 1.002) for value in sessions)
    asked = next_sessions(plan(rule), [CELL], {CELL: Evidence(current=now, baseline=past(P50, STEADY))})
    assert [found.number for found in asked] == ([number] if number else [])
    assert all(found.cell == CELL and found.reasons for found in asked)


def test_the_plan_limits_the_sessions(session: Make, past: MakePast) -> None:
    evidence = Evidence(current=(session(P50, 11.0, 11.0, 11.0),), baseline=past(P50, STEADY))
    assert not next_sessions(plan(RULE, max_sessions=1), [CELL], {CELL: evidence})
