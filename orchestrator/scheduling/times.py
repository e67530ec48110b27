"""When a plan is due: its cron times as instants, one a night, also when the clocks change.

APScheduler's own cron trigger counts weekdays from Monday, wants a day of the month and of the week together, gives a
time that an autumn night has twice twice, and one that a spring night does not have under an offset that is over. So
it is asked in a world without clock changes, by the values that cron's fields stand for, and what it says is put on
the clocks of the plan's zone here.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from orchestrator.domain.plan import Schedule
from orchestrator.inputs.cron import CronTimes, parse_cron

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


class PlanTrigger(BaseTrigger):  # type: ignore[misc]
    """The times of a schedule.

    A time that a spring night skips comes at the first moment after the gap, and one that an autumn night has twice
    comes the first time only. A plan of every hour goes on hour by hour: it skips the one that is not there and runs
    in both of those that look alike.
    """

    def __init__(self, schedule: Schedule) -> None:
        times = parse_cron(schedule.cron)
        self._zone = ZoneInfo(schedule.timezone)
        self._clock = _clock_times(times)
        self._in_every_hour = len(times.hours) == 24

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The first time after the previous one, or from now on; in the plan's zone."""
        after = now - timedelta(microseconds=1) if previous_fire_time is None else previous_fire_time
        return self.next_after(after)

    def next_after(self, moment: datetime) -> datetime:
        """The first time after a moment."""
        found: datetime | None = None
        for shown in self._shown_from(moment):
            instants = self._instants(shown)
            if found and instants and instants[0] >= found:
                break
            later = [instant for instant in instants if instant > moment]
            found = min([*later, found] if found else later, default=None)
        assert found is not None
        return found.astimezone(self._zone)

    def latest(self, now: datetime, within: timedelta) -> datetime | None:
        """The last time up to now, None where there was none `within` that span."""
        reach = _MINUTE
        while True:  # far back only where nothing is near, for a plan may be due every minute
            reach = min(60 * reach, within)
            due = self.next_after(now - reach - timedelta(microseconds=1))
            if due <= now or reach == within:
                break
        if due > now:
            return None
        while (later := self.next_after(due)) <= now:
            due = later
        return due

    def _shown_from(self, moment: datetime) -> Iterator[datetime]:
        """The plan's times as a clock on the wall shows them, from where one due after this moment may stand."""
        around = [(moment + days * _DAY).astimezone(self._zone).utcoffset() or timedelta() for days in (-1, 0, 1)]
        change = max(abs(after - before) for before, after in pairwise(around))
        shown = moment.astimezone(self._zone).replace(tzinfo=UTC, fold=0) - change
        while True:
            shown = self._clock.get_next_fire_time(None, shown)
            yield shown.replace(tzinfo=None)
            shown += _MINUTE

    def _instants(self, shown: datetime) -> list[datetime]:
        """When the plan is due as the zone's clocks show this time, or jump over it."""
        first, second = self._both(shown)
        if self._in_every_hour:
            return [] if second < first else sorted({first, second})
        while second < first:  # no clock shows it
            shown += _MINUTE
            first, second = self._both(shown)
        return [first]

    def _both(self, shown: datetime) -> tuple[datetime, datetime]:
        first, second = (shown.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        return first, second


def next_times(schedule: Schedule, now: datetime, count: int) -> tuple[datetime, ...]:
    """The next so many times of a schedule."""
    trigger, found = PlanTrigger(schedule), [now]
    for _ in range(count):
        found.append(trigger.next_after(found[-1]))
    return tuple(found[1:])


def _clock_times(times: CronTimes) -> BaseTrigger:
    month_days, weekdays = _listed(times.days), ",".join(_WEEKDAYS[day] for day in times.weekdays)
    days = [{"day": month_days, "day_of_week": weekdays}]
    if times.on_either_day:
        days = [{"day": month_days}, {"day_of_week": weekdays}]
    at = {"minute": _listed(times.minutes), "hour": _listed(times.hours), "month": _listed(times.months)}
    return OrTrigger([CronTrigger(**at, **day, second=0, timezone=UTC) for day in days])


def _listed(values: frozenset[int]) -> str:
    return ",".join(str(value) for value in sorted(values))
