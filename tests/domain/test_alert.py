"""An alert's life."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.domain.alert import (
    Alert,
    AlertState,
    accept,
    accepted_since,
    acknowledge,
    found,
    is_inside_regression,
    resolve,
    woken,
)
from orchestrator.domain.cell import Cell

CELL = Cell(model="m", device="d")
NIGHT = datetime(2026, 3, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
ALERT = Alert(cell=CELL, metric="latency_p50_ms", since=NIGHT, change=0.1, opened_at=NIGHT + DAY)


def test_one_change_alerts_once_whatever_became_of_it() -> None:
    alerts = found([], ALERT)
    for state in (ALERT, acknowledge(ALERT, who="a", reason="b", now=NIGHT), resolve(ALERT, NIGHT)):
        assert found([state], replace(ALERT, since=NIGHT + 3 * DAY)) == (state,)
    assert len(found(alerts, replace(ALERT, since=NIGHT + 4 * DAY))) == 2
    assert len(found(alerts, replace(ALERT, metric="load_ms"))) == 2
    assert len(found(alerts, replace(ALERT, cell=Cell(model="n", device="d")))) == 2


def test_an_acknowledgement_has_a_name_a_reason_and_an_end() -> None:
    known = acknowledge(ALERT, who="ada", reason="driver bug", now=NIGHT)
    assert (known.state, known.who, known.reason) == (AlertState.ACKNOWLEDGED, "ada", "driver bug")
    assert known.until == NIGHT + 30 * DAY
    assert woken(known, NIGHT + 29 * DAY) is known
    assert woken(known, NIGHT + 30 * DAY).state is AlertState.OPEN
    assert woken(ALERT, NIGHT + 99 * DAY) is ALERT


def test_what_is_over_stays_over() -> None:
    for over in (resolve(ALERT, NIGHT + DAY), accept(ALERT, who="ada", reason="wanted", now=NIGHT + DAY)):
        assert over.closed_at == NIGHT + DAY
        assert resolve(over, NIGHT + 2 * DAY) == over == woken(over, NIGHT + 99 * DAY)
        with pytest.raises(ValueError, match="already"):
            acknowledge(over, who="", reason="", now=NIGHT)
        with pytest.raises(ValueError, match="already"):
            accept(over, who="", reason="", now=NIGHT)


def test_no_session_inside_a_regression_becomes_a_baseline() -> None:
    known = acknowledge(ALERT, who="", reason="", now=NIGHT)
    for alert in (ALERT, known):
        assert is_inside_regression([alert], CELL, NIGHT)
        assert not is_inside_regression([alert], CELL, NIGHT - DAY)
        assert not is_inside_regression([alert], Cell(model="n", device="d"), NIGHT)
    assert not is_inside_regression([resolve(ALERT, NIGHT)], CELL, NIGHT)


def test_an_accepted_change_begins_the_baseline_anew() -> None:
    accepted = accept(ALERT, who="ada", reason="wanted", now=NIGHT + DAY)
    assert accepted_since([ALERT], CELL, ALERT.metric) is None
    assert accepted_since([accepted, replace(accepted, since=NIGHT - DAY)], CELL, ALERT.metric) == NIGHT
