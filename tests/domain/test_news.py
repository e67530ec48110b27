"""What is news to whom: new troubles, what is over, and never the same twice."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.alert import Alert, AlertKind, AlertState
from orchestrator.domain.cell import Cell
from orchestrator.domain.news import UNFINISHED, Situation, Subject, Unfinished, did_not_end, news_for, situation_of
from orchestrator.domain.plan import NOTIFY_EVENTS
from orchestrator.domain.report import CellReport, GateResult, Report
from orchestrator.domain.run import Run, RunState
from orchestrator.domain.session import Trust

CELL = Cell(model="m", device="d")
NIGHT = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)
SUBJECTS = [Subject(kind=kind, about=name) for kind in ("gate", "missing") for name in ("a", "b")]


def alert(**changes: Any) -> Alert:
    given = {
        "project": "p",
        "cell": CELL,
        "metric": "latency_p50_ms",
        "kind": AlertKind.GATE,
        "since": NIGHT,
        "before": 4.5,
        "after": 5.04,
        "run_id": "1",
        "opened_at": NIGHT,
    }
    return Alert(**(given | changes))


def gate(verdict: str, **changes: Any) -> GateResult:
    given = {"cell": CELL, "metric": "latency_p50_ms", "rule": "at most 5% worse", "reason": "so it is"}
    return GateResult(**(given | {"verdict": verdict} | changes))


def report(*gates: GateResult, alerts: tuple[Alert, ...] = (), measured: int = 3) -> Report:
    cell = CellReport(cell=CELL, planned=3, measured=measured, trust=Trust.TRUSTED, reasons=(), metrics={})
    run = Run(
        id="2",
        plan="night",
        project="p",
        cloud="local",
        started_at=NIGHT,
        plan_sha256="",
        tool_version="",
        state=RunState.COMPLETED,
        exit_code=0,
    )
    return Report(
        run=run, command="", plan_text="", models=(), devices=(), cells=(cell,), jobs=(), gates=gates, alerts=alerts
    )


def kinds(found: Report, told: set[Subject] = frozenset(), on: Any = NOTIFY_EVENTS) -> list[str]:  # type: ignore[assignment]
    return [subject.kind for subject in news_for(on, told, situation_of(found)).new]


def test_a_quiet_run_is_no_news() -> None:
    assert kinds(report(gate("pass"), gate("warn", rule="other"))) == []


def test_each_trouble_is_news_to_those_who_asked_for_it() -> None:
    found = report(gate("fail"), alerts=(alert(kind=AlertKind.DRIFT),), measured=2)
    assert kinds(found) == ["change", "gate", "missing"]
    assert kinds(found, on=("missing", "recovery")) == ["missing"]


def test_a_gate_that_failed_for_a_change_is_told_once() -> None:
    found = report(gate("fail"), alerts=(alert(),))
    assert kinds(found) == ["change"]
    assert kinds(found, on=("gate",)) == ["gate"]


@pytest.mark.parametrize("state", [AlertState.ACKNOWLEDGED, AlertState.RESOLVED])
def test_what_somebody_knows_of_or_what_is_over_is_no_trouble(state: AlertState) -> None:
    assert kinds(report(alerts=(alert(state=state),))) == []


@pytest.mark.parametrize(
    ("after", "over", "gone"),
    [
        (report(gate("pass")), 1, 0),
        (report(gate("fail")), 0, 0),
        (report(gate("inconclusive")), 0, 0),
        (report(gate("warn", cause="undecided")), 0, 0),
        (report(), 0, 1),
    ],
)
def test_only_what_was_shown_to_be_fine_is_over(after: Report, over: int, gone: int) -> None:
    told = set(news_for(NOTIFY_EVENTS, (), situation_of(report(gate("fail")))).new)
    news = news_for(NOTIFY_EVENTS, told, situation_of(after))
    assert (len(news.new), len(news.over), len(news.gone)) == (0, over, gone)


def test_of_a_run_that_broke_off_only_that_is_known() -> None:
    told = {UNFINISHED, *SUBJECTS}
    assert news_for(NOTIFY_EVENTS, told, did_not_end("killed")).gone == ()
    news = news_for(NOTIFY_EVENTS, told, situation_of(report()))
    assert (news.over, set(news.gone)) == ((UNFINISHED,), set(SUBJECTS))


SITUATIONS = st.fixed_dictionaries({subject: st.sampled_from(["bad", "fine", "open", "none"]) for subject in SUBJECTS})


@settings(max_examples=60, deadline=None)
@given(nights=st.lists(st.tuples(SITUATIONS, st.booleans()), max_size=12), on=st.sets(st.sampled_from(NOTIFY_EVENTS)))
def test_bad_and_fine_news_take_turns_whatever_comes(nights: list[Any], on: set[str]) -> None:
    told: set[Subject] = set()
    last: dict[Subject, str] = {}
    for states, is_whole in nights:
        situation = Situation(
            troubles={subject: Unfinished(reason="") for subject, state in states.items() if state == "bad"},
            fine=frozenset(subject for subject, state in states.items() if state == "fine"),
            undecided=frozenset(subject for subject, state in states.items() if state == "open"),
            is_whole=is_whole,
        )
        news = news_for(on, told, situation)
        for subject in news.new:
            assert last.get(subject) != "bad"
            assert subject.kind in on
            last[subject] = "bad"
        for subject in news.over:
            assert (last[subject], states[subject]) == ("bad", "fine")
            last[subject] = "fine"
        for subject in news.gone:
            last[subject] = "gone"
        told = (told | {*news.new}) - {*news.over, *news.gone}
        assert {subject for subject in states if states[subject] == "bad" and subject.kind in on} <= told
