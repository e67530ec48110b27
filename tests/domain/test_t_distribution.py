"""Student's t distribution, against scipy's."""

import pytest
from scipy import stats

from orchestrator.domain.t_distribution import t_critical, t_sf

DEGREES = (0.5, 1, 2, 4.3, 9, 19, 60, 1000, 1e5)


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("t", [-30, -3, -0.2, 0, 1e-6, 0.01, 0.7, 1.7, 4, 30, 300])
def test_tails_have_eight_digits(t: float, df: float) -> None:
    assert t_sf(t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("alpha", [0.5, 0.25, 0.05, 0.01, 0.001, 1e-6])
def test_limits_have_eight_digits(alpha: float, df: float) -> None:
    assert t_critical(df, alpha) == pytest.approx(stats.t.isf(alpha, df), rel=1e-8, abs=1e-8)
