"""Durations, shares and cron times as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.inputs.cron import check_cron
from orchestrator.inputs.quantities import format_duration, parse_duration_s, parse_fraction


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("0.5s", 0.5), ("5s", 5), ("15m", 900), ("2h", 7200), ("30d", 2_592_000), ("0s", 0), ("1.5m", 90)],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "s", "5 s", "-5s", "5S", "1h30m", ".5s", "5.s", "1e3s", "٥s", "5s\n", "9" * 99 + "s"]
)
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration such as"):
        parse_duration_s(text)


@pytest.mark.parametrize("number", [5, 0.5, 0])
def test_a_number_without_a_unit_is_no_duration(number: float) -> None:
    with pytest.raises(ValueError, match=f"{number} has no unit"):
        parse_duration_s(number)


@pytest.mark.parametrize("other", [True, None, [], {}])
def test_other_values_are_no_duration(other: object) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration_s(other)


@given(amount=st.integers(0, 10**6), unit=st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_a_duration_written_and_read_again_is_the_same(amount: int, unit: str) -> None:
    seconds = parse_duration_s(f"{amount}{unit}")
    assert parse_duration_s(format_duration(seconds)) == pytest.approx(seconds, rel=1e-5)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.01, "10ms"), (5.0, "5s"), (900.0, "15m"), (7200.0, "2h"), (2_592_000.0, "30d"), (90.0, "90s")],
)
def test_durations_are_written_in_the_largest_whole_unit(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(("value", "fraction"), [("5%", 0.05), ("0.5%", 0.005), ("150%", 1.5), (0.05, 0.05), (1, 1.0)])
def test_percentages_are_fractions(value: object, fraction: float) -> None:
    assert parse_fraction(value) == pytest.approx(fraction)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (5, "5 as a fraction is 500%: write 5%"),
        ("0.05", "expected a percentage such as 5%"),
        ("5 %", "expected a percentage such as 5%"),
        ("-5%", "expected a percentage such as 5%"),
        (float("nan"), "expected a percentage such as 5%"),
        (float("inf"), "expected a percentage such as 5%"),
        (True, "expected a percentage such as 5%"),
        (None, "expected a percentage such as 5%"),
    ],
)
def test_an_unclear_share_is_refused(value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_fraction(value)


@pytest.mark.parametrize(
    "text",
    [
        "0 2 * * *",
        "*/15 0-6,22 1,15 jan-mar MON-FRI",
        "59 23 31 12 7",
        "0 0 29 2 *",
        "0 0 31 1-4 *",
        "5/20 * * * *",
        "0 2 * * sat-sun",
        "0 0 30 2 mon",
    ],
)
def test_cron_times_are_kept_as_written(text: str) -> None:
    assert check_cron(text) == text


def test_blanks_between_cron_fields_do_not_matter() -> None:
    assert check_cron("0  2 *\t* *") == "0 2 * * *"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 2 * *", "expected five fields .* not 4"),
        ("0 0 2 * * *", "expected five fields .* not 6"),
        ("", "not 0"),
        ("@daily", "'0 0 \\* \\* \\*'"),
        ("60 * * * *", "'60' is no minute: expected 0 to 59"),
        ("* 24 * * *", "'24' is no hour"),
        ("* * 0 * *", "'0' is no day of the month"),
        ("* * * 13 *", "'13' is no month"),
        ("* * * janu *", "'janu' is no month"),
        ("* * * jam *", "or jan"),
        ("* * * * 8", "'8' is no day of the week"),
        ("5-1 * * * *", "'5-1' is no minute: it ends before it begins"),
        ("*/0 * * * *", "a step is at least 1"),
        ("1,,2 * * * *", "'' is no minute"),
        ("-1 * * * *", "'-1' is no minute"),
        ("* * 30 2 *", "no day 30 in the months"),
        ("* * 31 2,4,6,9,11 *", "no day 31 in the months"),
    ],
)
def test_a_cron_time_that_makes_no_sense_is_told_by_its_field(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_cron(text)


@given(text=st.text(alphabet="0123456789*/,- monjan@L#?W", max_size=30))
def test_no_cron_text_does_more_than_be_refused(text: str) -> None:
    try:
        checked = check_cron(text)
    except ValueError:
        return
    assert check_cron(checked) == checked
    assert len(checked.split()) == 5
