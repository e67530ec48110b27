"""An acknowledged change makes a failure of exactly that change a warning, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.alert import Alert, AlertKind, AlertState, accept, acknowledge
from orchestrator.domain.cell import Cell
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.finding import Cause, Finding, Verdict, undecided
from orchestrator.domain.known_change import as_known
from orchestrator.domain.plan import GateRule

NIGHT = datetime(2026, 3, 1, 2, tzinfo=UTC)
RULE = GateRule(metric="latency_p50_ms", max_regression=0.05)
ALERT = Alert(
    project="p",
    cell=Cell(model="m", device="d"),
    metric="latency_p50_ms",
    kind=AlertKind.GATE,
    since=NIGHT,
    before=10.0,
    after=12.0,
    run_id="r",
    opened_at=NIGHT,
)
KNOWN = acknowledge(ALERT, who="ada", reason="driver bug", until=NIGHT + timedelta(days=30))
WANTED = accept(ALERT, who="ada", reason="wanted", now=NIGHT)
FAILED = Finding(verdict=Verdict.FAIL, reason="worse", value=12.0, baseline=10.0)


@given(st.floats(5.0, 50.0))
def test_what_is_worse_than_what_is_known_by_the_tolerance_still_fails(value: float) -> None:
    found = as_known(replace(FAILED, value=value), RULE, Evidence(alerts=(KNOWN,)))
    assert (found.verdict is Verdict.WARN) == (value < 12.0 * 1.05)
    assert (found.cause is Cause.ACKNOWLEDGED) == (found.verdict is Verdict.WARN)
    assert (found.value, found.baseline) == (value, 10.0)


def test_the_warning_names_who_why_and_until_when() -> None:
    found = as_known(FAILED, RULE, Evidence(alerts=(KNOWN,)))
    assert found.reason == f"worse; acknowledged by ada until 2026-03-31 (alert {ALERT.id}): driver bug"


@pytest.mark.parametrize("state", AlertState)
@pytest.mark.parametrize("pinned", [False, True])
def test_only_what_is_acknowledged_is_silent_and_against_the_pinned_run_what_is_accepted(
    state: AlertState, pinned: bool
) -> None:
    found = as_known(FAILED, RULE, Evidence(alerts=(replace(KNOWN, state=state),)), pinned=pinned)
    is_silent = state is AlertState.ACKNOWLEDGED or (pinned and state is AlertState.ACCEPTED)
    assert (found.verdict is Verdict.WARN) == is_silent


def test_an_accepted_change_explains_nothing_once_the_baseline_began_anew_after_it() -> None:
    later = Evidence(alerts=(WANTED,), anew=NIGHT + timedelta(days=1))
    assert as_known(FAILED, RULE, later, pinned=True).verdict is Verdict.FAIL
    assert as_known(FAILED, RULE, replace(later, anew=NIGHT), pinned=True).cause is Cause.ACCEPTED


@pytest.mark.parametrize("cause", Cause)
def test_a_doubt_that_is_no_suspicion_of_it_stays(cause: Cause) -> None:
    doubt = replace(undecided(cause, "?", value=12.0), baseline=10.0)
    is_of_it = cause in (Cause.SUSPICIOUS, Cause.YOUNG_BASELINE)
    assert (as_known(doubt, RULE, Evidence(alerts=(KNOWN,))).verdict is Verdict.WARN) == is_of_it


def test_another_metric_and_a_missing_value_are_not_it() -> None:
    other = replace(RULE, metric="peak_memory_mb")
    assert as_known(FAILED, other, Evidence(alerts=(KNOWN,))).verdict is Verdict.FAIL
    assert as_known(replace(FAILED, value=None), RULE, Evidence(alerts=(KNOWN,))).verdict is Verdict.FAIL
