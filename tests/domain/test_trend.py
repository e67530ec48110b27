"""A cell over its sessions: each one's number, what is usual, and where it changed for good."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from orchestrator.domain.cell import Cell
from orchestrator.domain.session import Session
from orchestrator.domain.trend import Trend, trend_of

CELL = Cell(model="m", device="d")


def trend(nights: Sequence[Sequence[float]]) -> Trend:
    sessions = [
        Session(
            cell=CELL,
            run_id=f"r{night}",
            at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=night),
            planned=3,
            values={"latency_p50_ms": tuple(jobs)} if jobs else {},
        )
        for night, jobs in enumerate(nights)
    ]
    return trend_of("p", CELL, "latency_p50_ms", sessions)


def nights(count: int, level: float, seed: int = 0) -> list[list[float]]:
    rng = np.random.default_rng(seed)
    return (level * np.exp(0.01 * rng.standard_normal((count, 3)))).tolist()


def test_a_steady_series_has_a_band_around_it_and_no_change() -> None:
    found = trend(nights(30, 10.0))
    assert found.low is not None
    assert found.high is not None
    assert found.low < 10.0 < found.high
    assert found.high / found.low < 1.2
    assert not [point for point in found.points if point.change is not None]


def test_a_step_is_found_where_it_was_and_the_band_is_of_what_came_after() -> None:
    found = trend([*nights(15, 10.0), *nights(15, 12.0, seed=1)])
    changes = {point.run_id: point.change for point in found.points if point.change is not None}
    assert list(changes) == ["r15"]
    assert changes["r15"] == pytest.approx(0.2, abs=0.03)
    assert found.usual == pytest.approx(12.0, rel=0.03)


def test_few_sessions_have_no_band_and_missing_nights_are_left_out() -> None:
    found = trend([*nights(3, 10.0), [], *nights(1, 10.0)])
    assert len(found.points) == 4
    assert (found.usual, found.low, found.high) == (None, None, None)
    assert trend([[]]).points == ()
