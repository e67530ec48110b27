"""Cron times: five fields, checked so that a plan never waits for a night that does not come."""

import difflib
import re
from dataclasses import dataclass

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _WEEKDAYS),
)
_PART = re.compile(r"(?:\*|(\w{1,3})(?:-(\w{1,3}))?)(?:/([0-9]{1,2}))?", re.ASCII)
_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True, kw_only=True)
class CronTimes:
    """What the five fields stand for. Weekdays count from Sunday, 0, to Saturday, 6.

    `on_either_day`: a day of the month or of the week is enough, because neither field begins with a star; else a day
    must be in both. That is how cron reads its table.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    on_either_day: bool


def check_cron(text: str) -> str:
    """The five fields with single blanks between them. Raises ValueError with the first field that is wrong."""
    parse_cron(text)
    return " ".join(text.split())


def parse_cron(text: str) -> CronTimes:
    """The times that the five fields name. Raises ValueError with the first field that is wrong."""
    if text in _NICKNAMES:
        message = f"{text} is written as {_NICKNAMES[text]!r} here"
        raise ValueError(message)
    fields = text.split()
    if len(fields) != len(_FIELDS):
        message = f"expected five fields (minute hour day month weekday) such as '0 2 * * *', not {len(fields)}"
        raise ValueError(message)
    pairs = zip(fields, _FIELDS, strict=True)
    minutes, hours, days, months, weekdays = (frozenset(_values(field, *bounds)) for field, bounds in pairs)
    on_either_day = not fields[2].startswith("*") and not fields[4].startswith("*")
    if not on_either_day and not any(_LONGEST[month - 1] >= min(days) for month in months):
        message = f"there is no day {min(days)} in the months it names, so this time never comes"
        raise ValueError(message)
    return CronTimes(
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        on_either_day=on_either_day,
    )


def _values(field: str, name: str, low: int, high: int, names: tuple[str, ...]) -> set[int]:
    """All values that a field stands for."""
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if not match:
            message = f"{part[:20]!r} is no {name}: expected * , a value, a range such as 1-5, or a step such as */2"
            raise ValueError(message)
        found |= _range(match, name, low, high, names)
    return found


def _range(match: re.Match[str], name: str, low: int, high: int, names: tuple[str, ...]) -> set[int]:
    first, last, step = match[1], match[2], int(match[3] or 1)
    start = _value(first, name, low, high, names) if first else low
    end = _value(last, name, low, high, names) if last else start if first and not match[3] else high
    if last == "sun" and end < start:
        end = 7  # the week may end with its Sunday
    if start > end or step == 0:
        message = f"{match[0]!r} is no {name}: " + ("a step is at least 1" if step == 0 else "it ends before it begins")
        raise ValueError(message)
    return set(range(start, end + 1, step))


def _value(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text.isdigit() and low <= int(text) <= high:
        return int(text)
    if text.lower() in names:
        return names.index(text.lower()) + low
    near = difflib.get_close_matches(text.lower(), names, 1)
    message = f"{text!r} is no {name}: expected {low} to {high}" + (f" or {near[0]}" if near else "")
    raise ValueError(message)
