"""Cron times on the clocks of a zone: what cron's table says, and one run a night when the clocks change."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.plan import Schedule
from orchestrator.inputs.cron import check_cron
from orchestrator.scheduling.times import PlanTrigger

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SPRING, AUTUMN = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)
ZONES = ("Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Chatham", "UTC")
NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def trigger(cron: str, zone: str = "UTC") -> PlanTrigger:
    return PlanTrigger(Schedule(cron=cron, timezone=zone))


def times(cron: str, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    found, moment = trigger(cron, zone), start
    while (moment := found.next_after(moment)) < end:
        yield moment


@pytest.mark.parametrize(
    ("cron", "change", "expected"),
    [
        ("30 2 * * *", SPRING, ["2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        ("30 2 * * *", AUTUMN, ["2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        ("0 3 * * *", SPRING, ["2026-03-28T03:00+01:00", "2026-03-29T03:00+02:00", "2026-03-30T03:00+02:00"]),
        ("30 2,3 * * sun", SPRING, ["2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"]),
        ("0,30 2,3 * * sun", SPRING, ["2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"]),
        ("30 1-3 * * sun", AUTUMN, ["2026-10-25T01:30+02:00", "2026-10-25T02:30+02:00", "2026-10-25T03:30+01:00"]),
    ],
)
def test_a_change_of_the_clocks_neither_skips_nor_doubles_a_night(
    cron: str, change: datetime, expected: list[str]
) -> None:
    found = times(cron, "Europe/Stockholm", change - 36 * HOUR, change + 36 * HOUR)
    assert [moment.isoformat(timespec="minutes") for moment in found] == expected


@pytest.mark.parametrize("change", [SPRING, AUTUMN])
def test_what_runs_every_hour_goes_on_every_hour(change: datetime) -> None:
    found = list(times("30 * * * *", "Europe/Stockholm", change - 5 * HOUR, change + 5 * HOUR))
    assert len(found) == 10
    steps = {b.astimezone(UTC) - a.astimezone(UTC) for a, b in pairwise(found)}
    assert steps == {HOUR}


def test_apscheduler_alone_doubles_a_night() -> None:
    """What is corrected here; should this change, the correction can be looked at again."""
    alone = CronTrigger.from_crontab("30 2 * * *", ZoneInfo("Europe/Stockholm"))
    first = alone.get_next_fire_time(None, AUTUMN - 3 * HOUR)
    second = alone.get_next_fire_time(first, first)
    assert second.astimezone(UTC) - first.astimezone(UTC) == HOUR


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("0 2 * * 0", "2026-11-27T00:00", "2026-11-29T02:00"),  # a Sunday, as in every crontab
        ("0 2 * * 7", "2026-11-27T00:00", "2026-11-29T02:00"),
        ("0 2 * * 1-5", "2026-11-27T02:00", "2026-11-30T02:00"),
        ("0 2 13 * 5", "2026-11-08T00:00", "2026-11-13T02:00"),
        ("0 2 13 * 5", "2026-11-13T02:00", "2026-11-20T02:00"),  # either day is enough
        ("0 2 */2 * mon", "2026-11-01T00:00", "2026-11-09T02:00"),  # a star: both
        ("0 2 29 2 *", "2026-11-01T00:00", "2028-02-29T02:00"),
        ("5/20 2 * * *", "2026-11-01T02:05", "2026-11-01T02:25"),
    ],
)
def test_the_table_is_read_as_cron_reads_it(cron: str, after: str, expected: str) -> None:
    assert trigger(cron).next_after(at(after)) == at(expected)


def fields(low: int, high: int, names: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """A field of cron, in every form that both readers know."""
    number = st.integers(low, high)
    value = st.sampled_from(names) if names else number.map(str)
    ends = st.lists(number, min_size=2, max_size=2).map(sorted)
    span = ends.map(lambda pair: "-".join(names[end - low] if names else str(end) for end in pair))
    step = st.integers(1, 11).map(lambda size: f"*/{1 if names else size}")  # the first weekday is not the same
    return st.one_of(st.just("*"), st.lists(st.one_of(value, span), min_size=1, max_size=3).map(",".join), step)


@st.composite
def crons(draw: st.DrawFn) -> str:
    """A cron time in which at most one of the two days is restricted."""
    day, weekday = draw(st.one_of(st.tuples(fields(1, 28), st.just("*")), st.tuples(st.just("*"), fields(0, 6, NAMES))))
    return f"{draw(fields(0, 59))} {draw(fields(0, 23))} {day} {draw(fields(1, 12))} {weekday}"


MOMENTS = st.integers(0, 6 * 365 * 24 * 60).map(lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + minutes * MINUTE)
CHANGES = [date(2026, month, day) for month, day in ((3, 29), (10, 25), (3, 8), (11, 1), (4, 5), (10, 4))]


@settings(max_examples=60, deadline=None)
@given(cron=crons(), moment=MOMENTS)
def test_apschedulers_reader_and_ours_agree_where_the_clocks_never_change(cron: str, moment: datetime) -> None:
    ours, theirs = trigger(cron), CronTrigger.from_crontab(check_cron(cron), UTC)
    for _ in range(3):
        found = ours.get_next_fire_time(None, moment)
        assert found == theirs.get_next_fire_time(None, moment)
        moment = found + MINUTE


@settings(max_examples=25, deadline=None)
@given(
    minute=st.integers(0, 59),
    hours=fields(0, 23),
    zone=st.sampled_from(ZONES),
    day=st.one_of(
        st.dates(date(2026, 1, 1), date(2026, 12, 1)),
        st.sampled_from(
            [date(2026, month, day) for month, day in ((3, 29), (10, 25), (3, 8), (11, 1), (4, 5), (10, 4))]
        ),
    ),
)
def test_each_time_a_clock_shows_has_its_instant(minute: int, hours: str, zone: str, day: datetime) -> None:
    """Against the clock itself, watched minute by minute over a day."""
    cron, clock = f"{minute} {hours} * * *", ZoneInfo(zone)
    start = datetime(day.year, day.month, day.day, tzinfo=clock).astimezone(UTC)
    found = [moment.astimezone(UTC) for moment in times(cron, zone, start - MINUTE, start + 26 * HOUR)]
    named = {f"{moment:%H:%M}" for moment in times(cron, "UTC", at("2026-06-01") - MINUTE, at("2026-06-02"))}
    expected, seen = [], set()
    is_hourly, before = len(named) == 24, start.astimezone(clock) - MINUTE
    for step in range(26 * 60):
        local = (start + step * MINUTE).astimezone(clock)
        is_again = local.replace(tzinfo=None) in seen and not is_hourly
        if (f"{local:%H:%M}" in named and not is_again) or (named & jumped_over(before, local) and not is_hourly):
            expected.append(start + step * MINUTE)
        seen.add(local.replace(tzinfo=None))
        before = local
    assert found == expected


def jumped_over(before: datetime, now: datetime) -> set[str]:
    """The times of day that a clock did not show between two minutes."""
    minutes = int((now.replace(tzinfo=None) - before.replace(tzinfo=None)) / MINUTE)
    return {f"{before.replace(tzinfo=None) + step * MINUTE:%H:%M}" for step in range(1, minutes)}


@settings(max_examples=15, deadline=None)
@given(cron=crons(), zone=st.sampled_from(ZONES), moment=MOMENTS, hours=st.integers(1, 30))
def test_the_latest_time_is_the_last_of_all(cron: str, zone: str, moment: datetime, hours: int) -> None:
    start = moment - hours * HOUR
    past = list(times(cron, zone, start - timedelta(microseconds=1), moment + timedelta(microseconds=1)))[-1:]
    assert trigger(cron, zone).latest(moment, hours * HOUR) == (past[0] if past else None)
