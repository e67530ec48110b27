"""The old model beside the new one: when it is asked, when it is not, and what its answer is worth."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.domain.cell import Cell
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.gate import judge
from orchestrator.domain.model import Model, ModelFormat
from orchestrator.domain.next_sessions import next_sessions
from orchestrator.domain.old_model import OldModel
from orchestrator.domain.plan import BaselinePolicy, GateRule, Gating, Plan
from orchestrator.domain.report import GateResult
from orchestrator.domain.session import Session

CELL = Cell(model="m", device="d")
P50 = "latency_p50_ms"
RULE = GateRule(metric=P50, max_regression=0.05)
NOISY = [10 * value for value in np.exp(np.random.default_rng(1).normal(0, 0.06, 20))]
Make = Callable[..., Session]
MakePast = Callable[..., tuple[Session, ...]]


def plan(control: str, *rules: GateRule, **policy: Any) -> Plan:
    return Plan(
        path=Path("plan.yaml"),
        text="",
        sha256="",
        name="p",
        project="p",
        models=(),
        devices=(),
        gates=rules or (RULE,),
        baseline=BaselinePolicy(control=control, **policy),
        gating=Gating(),
    )


def old(**change: Any) -> OldModel:
    model = Model(
        name="m",
        path=Path("m.onnx"),
        format=ModelFormat.ONNX,
        sha256="0123456789abcdef" * 4,
        size_bytes=1,
        inputs=(),
        outputs=(),
        operators={},
    )
    return OldModel(cells=(CELL,), run_id="r1", model=model, **change)


@pytest.fixture
def evidence(session: Make, past: MakePast) -> Evidence:
    """Three sessions on a device too noisy to tell, the old model beside the last two, and pairs of equals."""
    pairs = tuple((session(P50, 10 + n / 1000, 10, 10), session(P50, 10, 10, 10)) for n in range(8))
    return Evidence(
        current=tuple(session(P50, 10.2, 10.201, 10.2, number=n) for n in (1, 2, 3)),
        baseline=past(P50, NOISY),
        old=old(),
        control=tuple(session(P50, 10.2, 10.202, 10.203, number=n) for n in (2, 3)),
        pairs=pairs,
    )


def verdict(evidence: Evidence, control: str = "auto", **policy: Any) -> GateResult:
    return judge(plan(control, **policy), [CELL], {CELL: evidence})[0]


def beside(evidence: Evidence, *values: float) -> Evidence:
    """The same with the old model's sessions at these values."""
    made = zip(evidence.control, values, strict=True)
    return replace(evidence, control=tuple(replace(found, values={P50: (value,) * 3}) for found, value in made))


def test_it_decides_what_history_leaves_open(evidence: Evidence) -> None:
    alone = verdict(evidence, "never")
    assert (alone.verdict, alone.cause) == ("inconclusive", "undecided")
    passed = verdict(evidence)
    assert passed.verdict == "pass"
    assert "against the old model (sha256 0123456789ab, run r1) beside it is ruled out" in passed.reason
    assert (passed.sessions, passed.baseline_sessions) == (2, 2)
    failed = verdict(beside(evidence, 9.5, 9.5))
    assert (failed.verdict, failed.change) == ("fail", pytest.approx(10.2 / 9.5 - 1, rel=1e-3))


def test_where_it_is_open_too_both_are_told(evidence: Evidence) -> None:
    found = verdict(beside(evidence, 9.3, 10.2))
    assert (found.verdict, found.cause) == ("inconclusive", "suspicious")
    assert "in 1 of 2 sessions" in found.reason
    assert "against the last 20 sessions neither" in found.reason


def test_it_does_not_pass_what_all_sessions_show_against_the_past(evidence: Evidence, session: Make) -> None:
    slow = tuple(session(P50, 10.7, 10.701, 10.7, number=n) for n in (1, 2, 3))
    found = verdict(beside(replace(evidence, current=slow), 10.7, 10.7))
    assert (found.verdict, found.cause) == ("inconclusive", "suspicious")
    assert found.reason.endswith("beside it is ruled out, which does not outweigh it")
    assert found.baseline_sessions == 20


def test_what_history_has_decided_needs_no_other_word(evidence: Evidence, past: MakePast) -> None:
    steady = replace(evidence, baseline=past(P50, [10.2 + n / 1000 for n in range(20)]))
    found = verdict(beside(steady, 5.0, 5.0))
    assert (found.verdict, found.baseline_sessions) == ("pass", 20)


@pytest.mark.parametrize(
    ("change", "cause"),
    [({"context": {"os": "13"}}, "not_comparable"), ({"days_ago": 99}, "no_baseline")],
)
def test_it_needs_no_past_of_this_context(
    evidence: Evidence, past: MakePast, change: dict[str, Any], cause: str
) -> None:
    without = past(P50, NOISY, **change) if cause == "not_comparable" else ()
    evidence = replace(evidence, baseline=without)
    assert verdict(evidence, "never").cause == cause
    assert verdict(evidence).verdict == "pass"
    assert verdict(beside(evidence, 9.5, 9.5)).verdict == "fail"


def test_other_conditions_are_no_comparison_but_the_models_own_are(evidence: Evidence) -> None:
    def under(**context: str) -> GateResult:
        control = tuple(replace(found, context={"os": "14", **context}) for found in evidence.control)
        return verdict(replace(evidence, control=control), "always")

    assert under(delegates="CPU", inputs="1x3").verdict == "pass"
    other = under(os="15")
    assert (other.verdict, other.cause) == ("inconclusive", "not_comparable")
    assert "beside it ran under other conditions (os: 15 -> 14)" in other.reason


def test_a_job_of_the_old_model_without_a_result_is_missing(evidence: Evidence) -> None:
    broken = tuple(replace(found, values={}, missing=("job #4 has no result",)) for found in evidence.control)
    always = verdict(replace(evidence, control=broken), "always")
    assert (always.verdict, always.cause) == ("inconclusive", "missing")
    auto = verdict(replace(evidence, control=broken))
    assert (auto.verdict, auto.cause) == ("inconclusive", "undecided")
    assert "run r1) beside it: job #4 has no result" in auto.reason


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"old": old(is_same=True)}, "the old model is the same file, which beside itself would show nothing"),
        ({"old": old(unusable="it is gone")}, "run r1) cannot be run beside it: it is gone"),
    ],
)
def test_why_it_was_not_asked_is_told(evidence: Evidence, change: dict[str, Any], why: str) -> None:
    found = verdict(replace(evidence, control=(), **change))
    assert (found.verdict, found.cause) == ("inconclusive", "undecided")
    assert why in found.reason


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"old": old(unusable="it is gone")}, ("inconclusive", "missing")),
        ({"old": old(unusable="it is gone"), "baseline": ()}, ("inconclusive", "missing")),
        ({"old": None}, ("inconclusive", "missing")),
        ({"old": None, "baseline": ()}, ("warn", "no_baseline")),
    ],
)
def test_what_the_plan_insists_on_is_never_green_without_it(
    evidence: Evidence, change: dict[str, Any], expected: tuple[str, str]
) -> None:
    found = verdict(replace(evidence, control=(), **change), "always")
    assert (found.verdict, found.cause) == expected


def test_a_pinned_run_of_another_context_is_settled_by_its_model(evidence: Evidence, past: MakePast) -> None:
    steady = past(P50, [10.2 + n / 1000 for n in range(20)])
    pinned = past(P50, [10.0], context={"os": "13"})
    evidence = replace(evidence, baseline=steady, pinned=pinned)
    assert verdict(evidence, "never", pinned="release").cause == "not_comparable"
    assert verdict(evidence, pinned="release").verdict == "pass"
    assert verdict(beside(evidence, 9.0, 9.0), pinned="release").verdict == "fail"


# further sessions


def asked(evidence: Evidence, control: str = "auto", *rules: GateRule) -> tuple[int, bool] | None:
    """The number of the session that is asked for, and whether with the old model beside it."""
    found = next_sessions(plan(control, *rules), [CELL], {CELL: evidence})
    return (found[0].number, found[0].has_control) if found else None


def test_further_sessions_have_it_beside_them_where_it_may_tell(evidence: Evidence) -> None:
    one = replace(evidence, current=evidence.current[:1], control=())
    assert asked(one) == (2, True)
    assert asked(one, "never") == (2, False)
    assert asked(replace(one, old=old(is_same=True))) == (2, False)
    assert asked(replace(one, old=old(is_same=True)), "always") is None
    assert asked(replace(one, old=old(unusable="gone"))) == (2, False)
    assert asked(replace(one, old=None)) == (2, False)


def test_without_a_past_of_this_context_only_it_is_worth_device_minutes(evidence: Evidence, past: MakePast) -> None:
    one = replace(evidence, current=evidence.current[:1], control=(), baseline=())
    assert asked(one) == (2, True)
    assert asked(replace(one, pairs=())) is None
    assert asked(replace(one, old=old(is_same=True))) is None
    elsewhere = past(P50, NOISY, context={"os": "13"})
    assert asked(replace(one, baseline=elsewhere, pairs=())) == (2, True)


def test_it_is_not_asked_for_a_budget(evidence: Evidence) -> None:
    one = replace(evidence, current=evidence.current[:1], control=())
    budget = GateRule(metric=P50, max=10.2001)
    assert asked(one, "auto", budget) in {(2, False), None}
    loose = GateRule(metric=P50, max_regression=0.5)
    assert asked(one, "auto", loose, replace(budget, max=10.2002)) in {(2, False), None}
