"""The stat line: the three shapes of formats.md section 1, with and without the percentile tail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.protocol.litert_stat import Stat, format_stat, parse_stat
from orchestrator.protocol.unreadable import Unreadable

FULL = Stat(count=50, first_us=120, curr_us=98, min_us=95, max_us=120, avg_us=100.5, std_us=2)
TAIL = {"p5_us": 95, "median_us": 100, "p95_us": 118}


def same(count: int, value: int) -> Stat:
    return Stat(count=count, first_us=value, curr_us=value, min_us=value, max_us=value, avg_us=float(value), std_us=0.0)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("count=50 first=120 curr=98 min=95 max=120 avg=100.5 std=2", FULL),
        (
            "count=50 first=120 curr=98 min=95 max=120 avg=100.5 std=2 p5=95 median=100 p95=118",
            Stat(**{**vars(FULL), **TAIL}),
        ),
        ("count=3 curr=7(all same)", same(3, 7)),
        ("count=1 curr=352", same(1, 352)),
        (
            "count=3 curr=7(all same) p5=7 median=7 p95=7",
            Stat(**{**vars(same(3, 7)), "p5_us": 7, "median_us": 7, "p95_us": 7}),
        ),
        ("count=0", Stat(count=0)),
        ("count=0 p5=0 median=0 p95=0", Stat(count=0)),
        (
            "INFO: count=3 first=1200000 curr=1300000 min=1200000 max=1300000 avg=1.26667e+06 std=47140",
            Stat(
                count=3,
                first_us=1200000,
                curr_us=1300000,
                min_us=1200000,
                max_us=1300000,
                avg_us=1266670.0,
                std_us=47140.0,
            ),
        ),
    ],
    ids=["full", "percentiles", "all same", "single", "all same with tail", "empty", "empty with tail", "scientific"],
)
def test_every_shape_is_read(line: str, expected: Stat) -> None:
    assert parse_stat(line) == expected


@pytest.mark.parametrize("line", ["", "account=5 curr=7", "count=", "count=five", "count=5", "discount=3 curr=1"])
def test_other_lines_are_none(line: str) -> None:
    assert parse_stat(line) is None


@pytest.mark.parametrize("value", ["nan", "-nan", "inf", "1e999"])
@pytest.mark.parametrize("place", ["avg={} std=2", "avg=2 std={}"])
def test_what_is_not_finite_is_refused(place: str, value: str) -> None:
    with pytest.raises(Unreadable, match="not a finite number"):
        parse_stat(f"count=2 first=1 curr=2 min=1 max=2 {place.format(value)}")


@st.composite
def stats(draw: st.DrawFn) -> Stat:
    """Series as the writers know them: six digits of the average, a whole deviation, all or no percentiles."""
    count = draw(st.integers(0, 10**9))
    if count == 0:
        return Stat(count=0)
    times = st.integers(-(10**15), 10**15)
    tail = draw(st.just({}) | st.fixed_dictionaries({"p5_us": times, "median_us": times, "p95_us": times}))
    low, high = sorted((draw(times), draw(times)))
    if low == high or count == 1:
        return Stat(**{**vars(same(count, low)), **tail})
    avg = float(f"{draw(st.floats(0, 1e15)):g}")
    deviation = float(draw(st.integers(0, 10**12)))
    ends = {"first_us": draw(times), "curr_us": draw(times)}
    return Stat(count=count, **ends, min_us=low, max_us=high, avg_us=avg, std_us=deviation, **tail)


@given(stats())
def test_what_is_written_reads_the_same(stat: Stat) -> None:
    assert parse_stat(format_stat(stat)) == stat
