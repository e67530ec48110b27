"""How far numbers scatter and how finely they are told."""

import numpy as np
import pytest
from scipy import stats

from orchestrator.domain.noise import FLOOR, resolution_of, robust_spread


def test_it_is_the_standard_deviation_of_normal_noise() -> None:
    noise = np.random.default_rng(1).normal(0, 0.03, 20_000)
    assert float(robust_spread(noise)) == pytest.approx(0.03, rel=0.02)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 20, 30, 91])
def test_it_is_the_largest_of_three_ranges(count: int) -> None:
    noise = np.random.default_rng(count).lognormal(0, 1, count)
    mad = stats.median_abs_deviation(noise, scale="normal")
    quartiles = stats.iqr(noise, scale="normal")
    deciles = stats.iqr(noise, rng=(10, 90)) / (2 * stats.norm.ppf(0.9))
    assert float(robust_spread(noise)) == pytest.approx(max(mad, quartiles, deciles), rel=1e-3)


def test_one_slow_session_in_twenty_does_not_count_and_a_slow_mode_does() -> None:
    calm = np.random.default_rng(2).normal(0, 0.01, 20)
    one, many = calm.copy(), calm.copy()
    one[3] += 0.5
    many[::5] += 0.5
    assert float(robust_spread(one)) < 1.6 * float(robust_spread(calm))
    assert float(robust_spread(many)) > 10 * float(robust_spread(calm))


def test_no_spread_is_not_believed() -> None:
    assert float(robust_spread(np.zeros(10))) == FLOOR
    assert robust_spread(np.zeros((4, 10)), np.array([0.01, 0.02, 0.03, 0.04])).tolist() == [0.01, 0.02, 0.03, 0.04]


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([8, 9, 25], 1.0),
        ([10, 20, 30], 1.0),
        ([12.5, 13.0], 0.1),
        ([0.125, 3.5], 0.001),
        ([12.345678, 1.0], 1e-6),
        ([1 / 3, 2.0], 0.0),
    ],
)
def test_the_clocks_step_is_seen_in_what_it_told(values: list[float], step: float) -> None:
    assert resolution_of(values) == pytest.approx(step)
