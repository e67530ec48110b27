"""A cell over its sessions: each one's number, what is usual, and where it changed for good."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from orchestrator.domain.cell import Cell
from orchestrator.domain.past import Past
from orchestrator.domain.session import Session
from orchestrator.domain.trend import Trend, trend_of

CELL = Cell(model="m", device="d")
START, DAY = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=1)


def trend(nights: Sequence[Sequence[float]], **known: Any) -> Trend:
    sessions = [
        Session(
            cell=CELL,
            run_id=f"r{night}",
            at=START + night * DAY,
            planned=3,
            values={"latency_p50_ms": tuple(jobs)} if jobs else {},
        )
        for night, jobs in enumerate(nights)
    ]
    return trend_of("p", CELL, "latency_p50_ms", past_of(sessions, **known))


def past_of(sessions: Sequence[Session], **known: Any) -> Past:
    """All of the sessions may be baseline unless said otherwise."""
    counting = frozenset(session.run_id for session in sessions)
    return Past(sessions=tuple(sessions), **{"counting": counting} | known)


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


def test_a_step_is_found_where_it_was_and_the_band_is_of_what_may_be_baseline() -> None:
    step = [*nights(15, 10.0), *nights(15, 12.0, seed=1)]
    found = trend(step, counting=frozenset(f"r{night}" for night in range(15)))
    changes = {point.run_id: point.change for point in found.points if point.change is not None}
    assert list(changes) == ["r15"]
    assert changes["r15"] == pytest.approx(0.2, abs=0.03)
    assert found.usual == pytest.approx(10.0, rel=0.03)
    assert [point.counts for point in found.points] == [True] * 15 + [False] * 15
    assert trend(step, counting=frozenset({"r1"})).usual is None


def test_a_throughput_counts_its_best_job_and_falls_where_it_gets_worse() -> None:
    rates = [100.0] * 8 + [80.0] * 8
    sessions = [
        Session(cell=CELL, run_id=f"r{night}", at=START + night * DAY, planned=2,
                values={"throughput_per_s": (rate, rate - 1 + night % 3 / 2)})
        for night, rate in enumerate(rates)
    ]  # fmt: skip
    found = trend_of("p", CELL, "throughput_per_s", past_of(sessions))
    assert [point.value for point in found.points] == [pytest.approx(rate) for rate in rates]
    assert [round(point.change, 3) for point in found.points if point.change is not None] == [-0.2]


def test_what_happened_stands_at_the_night_it_happened() -> None:
    found = trend(
        nights(6, 10.0),
        starts={START + 2 * DAY: True, START + 3.5 * DAY: False, START - DAY: True, START + 9 * DAY: True},
        names={"release/1": "r1", "elsewhere": "r77"},
    )
    assert {point.run_id: point.anew for point in found.points if point.anew} == {"r2": "accepted", "r4": "improved"}
    assert {point.run_id: point.names for point in found.points if point.names} == {"r1": ("release/1",)}


def test_few_sessions_have_no_band_and_missing_nights_are_left_out() -> None:
    found = trend([*nights(3, 10.0), [], *nights(1, 10.0)])
    assert len(found.points) == 4
    assert (found.usual, found.low, found.high) == (None, None, None)
    assert trend([[]]).points == ()
