"""HISTORY, CONTROL and their companions on arrays."""

import math

import numpy as np
import pytest
from scipy import stats

from orchestrator.domain.companion_rules import chance_of_slow_jobs, has_longer_tail, slow_jobs, tail_band
from orchestrator.domain.control_rule import band_of_pairs, band_of_single_sessions
from orchestrator.domain.history_rule import choose_median, history_band, session_numbers


def jobs(seed: int, low: float, high: float) -> np.ndarray:
    """Twenty sessions of three jobs, some of which lie in a mode of their own."""
    random = np.random.default_rng(seed)
    own = random.normal(0, 0.01, (20, 3))
    return own + (random.random((20, 3)) < 0.3) * random.uniform(low, high, (20, 3))


def test_the_baseline_says_whether_best_or_median_is_the_steady_number() -> None:
    slow, boosted = jobs(1, 0.3, 0.6), jobs(1, -0.6, -0.3)
    assert not choose_median(slow)
    assert choose_median(boosted)
    assert choose_median(slow, "median")
    assert not choose_median(boosted, "best")
    both = np.stack([slow, boosted])
    assert choose_median(both).tolist() == [False, True]
    numbers = session_numbers(both, choose_median(both))
    assert numbers[0].tolist() == slow.min(axis=-1).tolist()
    assert numbers[1].tolist() == np.median(boosted, axis=-1).tolist()


def test_the_half_width_is_the_prediction_interval_around_a_median() -> None:
    baseline = np.random.default_rng(3).normal(0, 0.02, 20)
    band = history_band(baseline)
    expected = stats.t.ppf(0.95, 19) * float(band.spread) * math.sqrt(1 / 2 + math.pi / 2 / 20)
    assert float(band.half_width(2)) == pytest.approx(expected, rel=1e-8)


def test_a_coarse_clock_widens_the_band() -> None:
    assert float(history_band(np.zeros(20), 0.1).spread) == pytest.approx(0.05)


def test_pairs_are_taken_in_both_directions_around_nothing() -> None:
    band = band_of_pairs(np.array([0.03, 0.01, 0.02, 0.04, 0.01, 0.02, 0.03, 0.02]))
    assert float(band.centre) == 0
    assert band.df == 7
    assert float(band.spread) > 0.02
    history = history_band(np.random.default_rng(4).normal(1, 0.02, 20))
    assert float(band_of_single_sessions(history).spread) == pytest.approx(math.sqrt(2) * float(history.spread))


@pytest.mark.parametrize(("slow", "count", "past_slow", "past"), [(3, 9, 3, 60), (0, 9, 3, 60), (9, 9, 60, 60)])
def test_slow_jobs_are_counted_as_fishers_test_does(slow: int, count: int, past_slow: int, past: int) -> None:
    expected = stats.hypergeom.sf(slow - 1, count + past, slow + past_slow, count)
    assert chance_of_slow_jobs(slow, count, past_slow, past) == pytest.approx(expected)


def test_jobs_are_slow_that_lie_beyond_the_usual_best() -> None:
    past = np.zeros((20, 3))
    past[0, 0] = 1.0
    now = np.array([0.0, 0.2, 0.13])
    assert [int(count) for count in slow_jobs(now, past)] == [1, 1]


def test_a_longer_tail_is_seen_where_the_best_is_blind() -> None:
    past = np.random.default_rng(5).normal(0, 0.01, (20, 3))
    band = tail_band(past)
    assert has_longer_tail(np.array([0.0, 0.2, 0.2]), band, 0.05)
    assert not has_longer_tail(np.array([0.0, 0.0, 0.2]), band, 0.05)
