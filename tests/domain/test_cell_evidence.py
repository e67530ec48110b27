"""What stands beside each cell's number: its sessions' values, and the smallest change that one could show."""

import random

import pytest

from orchestrator.domain.cell_evidence import sensitivity_of, with_evidence
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.gate import find, terms_of
from orchestrator.domain.plan import BaselinePolicy, GateRule, Gating, Plan
from orchestrator.domain.report import CellReport
from orchestrator.domain.session import Trust

METRIC = "latency_p50_ms"
DICE = random.Random(3)
NIGHTS = [10 * (1 + abs(DICE.gauss(0, 0.02))) for _ in range(12)]


@pytest.fixture
def plan(tmp_path) -> Plan:
    path = tmp_path / "plan.yaml"
    return Plan(path=path, text="", sha256="", name="p", project="p", models=(), devices=())


@pytest.mark.parametrize("statistic", ["auto", "median"])
def test_a_cell_has_the_sensitivity_of_its_gate(session, past, plan: Plan, statistic: str) -> None:
    rule = GateRule(metric=METRIC, max_regression=0.05)
    gating = Gating(statistic=statistic)
    evidence = Evidence(current=(session(METRIC, 10.1, 10.2, 10.3),), baseline=past(METRIC, NIGHTS))
    terms = terms_of(Plan(**{**vars(plan), "gating": gating, "gates": (rule,)}), [])
    gate = find(terms, rule, evidence)
    found = sensitivity_of(evidence, METRIC, plan.baseline, statistic)
    assert gate.sensitivity is not None
    assert (found.change, found.statistic) == (gate.sensitivity, gate.statistic)
    assert found.reason == "against the last 12 sessions"


def test_where_nothing_can_be_said_it_says_why(session, past) -> None:
    now = session(METRIC, 10.1, 10.2, 10.3)

    def reason(**change) -> str:
        evidence = Evidence(**{"current": (now,), "baseline": past(METRIC, NIGHTS), **change})
        found = sensitivity_of(evidence, METRIC, BaselinePolicy(), "auto")
        assert found.change is None
        return found.reason

    assert reason(baseline=past(METRIC, NIGHTS[:2])) == "no baseline yet: 2 of at least 5 sessions"
    assert "os: 14 -> 15" in reason(current=(session(METRIC, 10.1, 10.2, 10.3, context={"os": "15"}),))
    assert "profiler ran" in reason(current=(session(METRIC, 10.1, 10.2, 10.3, profiled=True),))
    missing = session(METRIC, 10.1, planned=3, missing=("job #2 has no result", "job #3 has no result"))
    assert reason(current=(missing,)) == "not every job gave a result"
    assert reason(current=()) == "not every job gave a result"


def test_the_noise_of_the_old_model_beside_it_is_taken_where_that_was_run(session, past) -> None:
    pairs = tuple((session(METRIC, a, a, a), session(METRIC, 10.0, 10.0, 10.0)) for a in NIGHTS)
    now = session(METRIC, 10.1, 10.2, 10.3)
    evidence = Evidence(
        current=(now,), baseline=past(METRIC, NIGHTS), control=(session(METRIC, 10, 10, 10),), pairs=pairs
    )
    history = Evidence(current=(now,), baseline=past(METRIC, NIGHTS))
    beside = sensitivity_of(evidence, METRIC, BaselinePolicy(), "best")
    alone = sensitivity_of(history, METRIC, BaselinePolicy(), "best")
    assert beside.reason == "against the old model beside it"
    assert beside.change != alone.change
    assert sensitivity_of(evidence, METRIC, BaselinePolicy(control="never"), "best") == alone


def test_each_session_has_its_own_value_range_and_reason(session, past, plan: Plan) -> None:
    first = session(METRIC, 12.3, 12.1, 12.2)
    again = session(
        METRIC, 12.0, 12.4, number=2, planned=3, missing=("job #6 has no result",), why="undecided", trust=Trust.NOISY
    )
    empty = session(METRIC, number=3, planned=3, missing=("1", "2", "3"), trust=Trust.INVALID)
    cell = CellReport(cell=first.cell, planned=9, measured=5, trust=Trust.NOISY, reasons=(), metrics={})
    evidence = Evidence(current=(first, again, empty), baseline=past(METRIC, NIGHTS))
    (found,) = with_evidence([cell], METRIC, {cell.cell: evidence}, plan)
    told = [(s.number, s.value, s.low, s.high, s.measured, s.trust, s.why) for s in found.sessions]
    assert told == [
        (1, 12.1, 12.1, 12.3, 3, "trusted", ""),
        (2, 12.0, 12.0, 12.4, 2, "noisy", "undecided"),
        (3, None, None, None, 0, "invalid", ""),
    ]
    assert with_evidence([cell], METRIC, {}, plan) == (cell,)
    medians = with_evidence(
        [cell], METRIC, {cell.cell: evidence}, Plan(**{**vars(plan), "gating": Gating(statistic="median")})
    )
    assert [s.value for s in medians[0].sessions] == [12.2, 12.2, None]
