"""One way to write numbers, sizes and times."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.statistics import Summary
from orchestrator.presentation import text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1.125, "1.13"),  # halves go up, exactly
        (0.125, "0.125"),
        (9.996, "10.0"),
        (99.95, "100"),
        (999.9, "1,000"),
        (1234.5, "1,235"),
        (12345678.9, "12,345,679"),
        (-4.5, "−4.50"),
        (0.00012345, "0.000123"),
        (1e20, "1.00e+20"),
        (1e-9, "1.00e−09"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_a_number_has_three_digits(value: float | None, written: str) -> None:
    assert text.number(value) == written


@given(st.floats(min_value=1e-6, max_value=1e14))
def test_a_number_is_never_further_off_than_half_its_last_digit(value: float) -> None:
    written = text.number(value)
    assert abs(float(written.replace(",", "")) - value) <= 0.0051 * value
    assert text.number(-value) == "−" + written


@pytest.mark.parametrize(
    ("fraction", "share", "changed"),
    [
        (0.0, "0%", "0%"),
        (0.034, "3.4%", "+3.4%"),
        (0.0996, "10%", "+10%"),
        (0.5, "50%", "+50%"),
        (-0.015, "−1.5%", "−1.5%"),
        (12.5, "1,250%", "+1,250%"),
        (None, "–", "–"),
        (math.nan, "–", "–"),
    ],
)
def test_percentages_carry_a_real_minus(fraction: float | None, share: str, changed: str) -> None:
    assert text.percent(fraction) == share
    assert text.change(fraction) == changed


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 s"),
        (0.0123, "12 ms"),
        (12.44, "12.4 s"),
        (59.99, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.9, "1 h 00 min"),
        (7400, "2 h 03 min"),
        (None, "–"),
    ],
)
def test_durations_are_for_people(seconds: float | None, written: str) -> None:
    assert text.duration(seconds).replace("\u00a0", " ") == written


@pytest.mark.parametrize(
    ("value", "written"), [(0, "0 bytes"), (999, "999 bytes"), (5_010_000, "5.01 MB"), (2.7e9, "2.70 GB")]
)
def test_sizes_are_decimal(value: int, written: str) -> None:
    assert text.size(int(value)).replace("\u00a0", " ") == written


def test_the_rest() -> None:
    assert text.amount(1_235_496).replace("\u00a0", " ") == "1.24 M"
    assert text.amount(None) == "–"
    assert text.quantity(4.5, "ms") == "4.50\u00a0ms"
    assert text.quantity(None, "ms") == "–"
    assert text.plural(1, "job") == "1 job"
    assert text.plural(1200, "job") == "1,200 jobs"
    assert text.times(1.8) == "1.80×"
    assert text.interval(None) == "–"
    assert text.interval(Summary(value=1, n=1, low=1, high=1)) == "one job"
    assert text.interval(Summary(value=2, n=3, low=1, high=3)) == "1.00–3.00"
    assert text.moment(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == "2026-01-01 00:00:00 UTC"
    assert text.moment(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01 00:00:00 UTC"
    assert text.moment(None) == "–"
