"""The summary of a cell's jobs."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.statistics import Summary, summarise

numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)


@pytest.mark.parametrize(
    ("values", "summary"),
    [
        ([5.0], Summary(value=5.0, n=1, low=5.0, high=5.0)),
        ([3.0, 1.0], Summary(value=2.0, n=2, low=1.0, high=3.0)),
        ([9.0, 1.0, 2.0], Summary(value=2.0, n=3, low=1.0, high=9.0)),
    ],
)
def test_the_median_stands_for_the_jobs_and_the_range_for_their_spread(values: list[float], summary: Summary) -> None:
    assert summarise(values) == summary


def test_nothing_has_no_summary() -> None:
    with pytest.raises(statistics.StatisticsError):
        summarise([])


@pytest.mark.parametrize(("low", "value", "high", "spread"), [(9, 10, 11, 0.2), (-11, -10, -9, 0.2), (-1, 0, 1, 0.0)])
def test_the_spread_is_the_range_in_units_of_the_median(low: float, value: float, high: float, spread: float) -> None:
    assert Summary(value=value, n=3, low=low, high=high).spread == pytest.approx(spread)


@given(values=st.lists(numbers, min_size=1, max_size=20), data=st.data())
def test_the_order_of_jobs_does_not_matter_and_the_median_lies_in_the_range(
    values: list[float], data: st.DataObject
) -> None:
    summary = summarise(values)
    assert summary == summarise(data.draw(st.permutations(values)))
    assert summary.low <= summary.value <= summary.high
    assert summary.n == len(values)
    assert math.isfinite(summary.value)
    assert summary.spread >= 0


@given(values=st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=20), unit=st.sampled_from([2.0, 1024.0, 0.5]))
def test_the_spread_does_not_depend_on_the_unit(values: list[float], unit: float) -> None:
    assert summarise([value * unit for value in values]).spread == pytest.approx(summarise(values).spread)
