"""What is known of how long jobs keep a device."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.domain.cell import Cell
from orchestrator.domain.durations import REMEMBERED, Durations
from orchestrator.domain.job import Attempt
from orchestrator.domain.measurement import Measurement
from orchestrator.domain.outcome import Failed, FailureKind, Measured

A, B, ELSEWHERE = Cell(model="a", device="d"), Cell(model="b", device="d"), Cell(model="a", device="e")
START = datetime(2026, 3, 4, tzinfo=UTC)


def attempt(begun: float | None, ended: float, outcome: object = None) -> Attempt:
    return Attempt(
        number=1,
        started_at=START,
        begun_at=None if begun is None else START + timedelta(seconds=begun),
        ended_at=START + timedelta(seconds=ended),
        outcome=outcome or Measured(measurement=Measurement(metrics={})),
    )


def test_a_cell_is_expected_to_take_its_usual_time_and_others_their_devices() -> None:
    known = Durations({A: (10.0, 30.0, 11.0)})
    assert known.usual_s(A) == 11.0
    assert known.usual_s(B) == known.usual_s(ELSEWHERE) == pytest.approx(17.0)
    known.add(ELSEWHERE, 100.0)
    assert known.usual_s(B) == pytest.approx(17.0)
    assert (known.shortest_s(A), known.shortest_s(B)) == (10.0, None)
    assert Durations().usual_s(A) is None


def test_an_attempt_teaches_what_it_kept_the_device_for() -> None:
    known = Durations()
    known.learn(A, attempt(None, 50))
    known.learn(A, attempt(10, 15, Failed(kind=FailureKind.DEVICE, reason="gone")))
    assert known.known() == {}
    known.learn(A, attempt(20, 50))
    assert known.known() == {A: (30.0,)}


def test_a_device_that_changed_its_habits_is_believed() -> None:
    known = Durations({A: (1.0,) * 100})
    for _ in range(REMEMBERED):
        known.add(A, 5.0)
    assert (known.usual_s(A), known.shortest_s(A)) == (5.0, 5.0)


def test_devices_with_most_work_left_go_first_and_their_jobs_keep_their_order() -> None:
    known = Durations({A: (2.0,), B: (3.0,), ELSEWHERE: (4.0,)})
    jobs = [A, B, ELSEWHERE, A, ELSEWHERE, ELSEWHERE]  # left from each on: 7, 5, 12, 2, 8, 4
    assert known.longest_first(jobs) == [2, 3, 0, 5, 1, 4]
    assert Durations().longest_first([A, ELSEWHERE, ELSEWHERE]) == [1, 0, 2]
    assert known.longest_first([]) == []
