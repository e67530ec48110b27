"""The three outcomes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.decision import ALPHA, Band, Decision, decide, joint_alpha, suspicious

TOLERANCE = 0.05


def band(spread: float, df: int = 19) -> Band:
    return Band(centre=np.asarray(0.0), spread=np.asarray(spread), df=df, centre_variance=np.pi / 2 / (df + 1))


@pytest.mark.parametrize(
    ("worse", "spread", "decision"),
    [
        ([0.0], 0.01, Decision.PASS),
        ([0.10], 0.01, Decision.UNDECIDED),
        ([0.10, 0.10], 0.01, Decision.FAIL),
        ([0.10, 0.0, 0.10], 0.01, Decision.FAIL),
        ([0.051, 0.051, 0.0], 0.01, Decision.UNDECIDED),
        ([0.10, 0.10], 0.10, Decision.UNDECIDED),
        ([0.0, 0.0], 0.04, Decision.UNDECIDED),
        ([-0.5], 0.04, Decision.PASS),
        ([0.049, 0.049], 0.0001, Decision.PASS),
    ],
)
def test_a_pass_is_earned_and_a_failure_is_confirmed(worse: list[float], spread: float, decision: Decision) -> None:
    assert decide(np.array(worse), band(spread), TOLERANCE) == decision


def test_independent_sessions_together_know_more() -> None:
    worse, wide = np.zeros(3), band(0.035)
    assert decide(worse, wide, TOLERANCE) == Decision.UNDECIDED
    assert decide(worse, wide, TOLERANCE, independent=3) == Decision.PASS


def test_many_cells_need_more() -> None:
    worse = np.array([0.10, 0.10])
    assert decide(worse, band(0.03), TOLERANCE, cells=5) == Decision.FAIL
    assert decide(worse, band(0.03), TOLERANCE, cells=50) == Decision.UNDECIDED
    assert joint_alpha(1) == joint_alpha(5) == ALPHA
    assert joint_alpha(50) == pytest.approx(0.0005)


@given(
    worse=st.lists(st.floats(-1, 1), min_size=1, max_size=5),
    spread=st.floats(0.005, 0.5),
    cells=st.integers(1, 1000),
)
def test_no_session_alone_fails_and_a_failure_never_passes(worse: list[float], spread: float, cells: int) -> None:
    found = decide(np.array(worse), band(spread), TOLERANCE, cells=cells)
    shown = int(suspicious(np.array(worse), band(spread), TOLERANCE).sum())
    if found == Decision.FAIL:
        assert shown >= 2
        assert np.mean(worse) >= TOLERANCE
    if found == Decision.PASS:
        assert np.mean(worse) < TOLERANCE


@given(rows=st.lists(st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=3), min_size=1, max_size=8))
def test_many_cells_at_once_are_decided_as_each_alone(rows: list[list[float]]) -> None:
    together = decide(np.array(rows), band(0.02), TOLERANCE)
    assert together.tolist() == [int(decide(np.array(row), band(0.02), TOLERANCE)) for row in rows]
