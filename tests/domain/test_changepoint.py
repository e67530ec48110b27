"""Changes in a series of nights."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from orchestrator.domain.changepoint import change_points, welch_p

TOLERANCE = math.log1p(0.05)


def nights(*steps: tuple[int, float], noise: float = 0.01, seed: int = 1) -> list[float]:
    """A series of segments, each so many nights at that level."""
    levels = np.repeat([level for _, level in steps], [count for count, _ in steps])
    return (levels + np.random.default_rng(seed).normal(0, noise, len(levels))).tolist()


@pytest.mark.parametrize(
    ("steps", "changes"),
    [
        ([(60, 0.0)], []),
        ([(30, 0.0), (30, 0.1)], [30]),
        ([(30, 0.0), (30, -0.1)], [30]),
        ([(20, 0.0), (20, 0.1), (20, 0.3)], [20, 40]),
        ([(20, 0.0), (12, 0.3), (20, 0.0)], [20, 32]),
        ([(20, 0.0), (3, 0.3), (20, 0.0)], []),
        ([(20, 0.0), (1, 0.3), (20, 0.0)], []),
        ([(30, 0.0), (30, 0.03)], []),
        ([(2, 0.0)], []),
        ([], []),
    ],
)
def test_lasting_changes_of_some_size_are_found_where_they_are(
    steps: list[tuple[int, float]], changes: list[int]
) -> None:
    found = change_points(nights(*steps), TOLERANCE)
    assert [point.index for point in found] == changes
    assert all(abs(point.step) >= TOLERANCE and point.p < 0.001 for point in found)


def test_a_change_knows_both_sides() -> None:
    (point,) = change_points(nights((30, 1.0), (30, 1.2)), TOLERANCE)
    assert (point.before, point.after) == (pytest.approx(1.0, abs=0.01), pytest.approx(1.2, abs=0.01))
    assert point.step == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_welchs_test_is_scipys(seed: int) -> None:
    random = np.random.default_rng(seed)
    left, right = random.normal(0, 0.05, 12), random.normal(0.03, 0.02, 7)
    assert welch_p(left, right) == pytest.approx(stats.ttest_ind(left, right, equal_var=False).pvalue, rel=1e-8)


@given(series=st.lists(st.floats(-2, 2), max_size=40))
def test_segments_are_never_shorter_than_three_nights(series: list[float]) -> None:
    edges = [0, *(point.index for point in change_points(series, TOLERANCE)), len(series)]
    assert len(edges) == 2 or min(np.diff(edges)) >= 3
