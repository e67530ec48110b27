"""An alert's life."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import log
from typing import Any

import pytest

from orchestrator.domain.alert import (
    Alert,
    AlertKind,
    AlertState,
    accept,
    acknowledge,
    is_known,
    resolve,
    woken,
)
from orchestrator.domain.cell import Cell

CELL = Cell(model="m", device="d")
NIGHT = datetime(2026, 3, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
ALERT = Alert(
    project="p",
    cell=CELL,
    metric="latency_p50_ms",
    kind=AlertKind.GATE,
    since=NIGHT,
    before=10.0,
    after=11.0,
    run_id="r1",
    opened_at=NIGHT + DAY,
)
TOLERANCE = log(1.05)
BACK = {"back_since": NIGHT + 2 * DAY, "run_id": "r3", "because": "it passes", "now": NIGHT + 3 * DAY}
WANTED = {"who": "ada", "reason": "wanted", "now": NIGHT + DAY}
KNOWN = acknowledge(ALERT, who="ada", reason="driver bug", until=NIGHT + 30 * DAY)
OVER = (resolve(ALERT, **BACK), accept(ALERT, **WANTED))


def again(nights: float, **change: Any) -> Alert:
    """The alert found so many nights later, far worse."""
    return replace(ALERT, since=NIGHT + nights * DAY, **{"after": 20.0} | change)


def test_one_change_alerts_once_whatever_became_of_it() -> None:
    for alert in (ALERT, KNOWN, *OVER):
        assert is_known([alert], again(3), TOLERANCE)
        assert is_known([alert], again(-3), TOLERANCE)
        assert not is_known([alert], again(3.1), TOLERANCE)
        assert not is_known([alert], again(0, metric="load_ms"), TOLERANCE)
        assert not is_known([alert], again(0, cell=Cell(model="n", device="d")), TOLERANCE)
        assert not is_known([alert], again(0, project="q"), TOLERANCE)


def test_what_is_no_worse_than_a_change_that_goes_on_is_not_news_what_is_worse_is() -> None:
    for alert in (ALERT, KNOWN):
        assert is_known([alert], again(20, after=11.5), TOLERANCE)
        assert not is_known([alert], again(20, after=11.6), TOLERANCE)
    assert not any(is_known([alert], again(20, after=11.0), TOLERANCE) for alert in OVER)


def test_more_is_better_of_a_throughput() -> None:
    fewer = replace(ALERT, metric="throughput_per_s", before=100.0, after=90.0)
    assert fewer.change == pytest.approx(-0.1)
    assert fewer.holds(86.0, TOLERANCE)
    assert fewer.holds(200.0, TOLERANCE)
    assert not fewer.holds(85.0, TOLERANCE)


def test_an_acknowledgement_has_a_name_a_reason_and_an_end() -> None:
    assert (KNOWN.state, KNOWN.who, KNOWN.reason) == (AlertState.ACKNOWLEDGED, "ada", "driver bug")
    assert woken(KNOWN, NIGHT + 29 * DAY) is KNOWN
    assert woken(KNOWN, NIGHT + 30 * DAY).state is AlertState.OPEN
    assert woken(ALERT, NIGHT + 99 * DAY) is ALERT


def test_what_is_over_stays_over() -> None:
    for over in OVER:
        assert over.closed_at is not None
        assert resolve(over, **BACK) == over == woken(over, NIGHT + 99 * DAY)
        with pytest.raises(ValueError, match=f"alert {ALERT.id} .* already {over.state}"):
            acknowledge(over, who="", reason="", until=NIGHT)
        with pytest.raises(ValueError, match="already"):
            accept(over, **WANTED)


def test_no_session_inside_a_regression_is_a_baseline() -> None:
    for alert in (ALERT, KNOWN):
        assert alert.takes_out(CELL, NIGHT)
        assert not alert.takes_out(CELL, NIGHT - DAY)
        assert not alert.takes_out(Cell(model="n", device="d"), NIGHT)
        assert replace(alert, onset=NIGHT - DAY).takes_out(CELL, NIGHT - DAY)
    resolved, accepted = OVER
    assert [resolved.takes_out(CELL, NIGHT + nights * DAY) for nights in (0, 1, 2, 3)] == [True, True, False, False]
    assert not accepted.takes_out(CELL, NIGHT)


def test_an_id_is_short_and_the_same_wherever_the_change_is_found() -> None:
    assert ALERT.id == "2cr2rkor"
    assert again(0.1, after=11.2, run_id="r9", kind=AlertKind.CHANGE_POINT).id == ALERT.id
    assert len({ALERT.id, again(1).id, again(0, metric="load_ms").id, again(0, project="q").id}) == 4
