"""When plans run next: `bench schedule --list`."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TextIO

from orchestrator.domain.plan import Plan, schedule_of
from orchestrator.presentation.terminal import add_row, open_console, table
from orchestrator.presentation.text import duration

Coming = Iterable[tuple[Plan, Sequence[datetime]]]


def print_times(coming: Coming, now: datetime, *, stream: TextIO) -> None:
    """Each plan's next times on the clocks of its zone, and how long the first one is away."""
    shown = table("Plan", "Zone", "Next", "In:", "Then")
    for plan, (first, *others) in coming:
        then = ", ".join(f"{time:%a %d %b %H:%M}" for time in others)
        away = duration((first - now).total_seconds())
        add_row(shown, [plan.name, schedule_of(plan).timezone, f"{first:%a %Y-%m-%d %H:%M %Z}", away, then])
    open_console(stream).print(shown)


def times_as_json(coming: Coming) -> str:
    """One object a plan; the times with the offset of their zone."""
    listed = [
        {
            "plan": plan.name,
            "path": str(plan.path),
            "cron": schedule_of(plan).cron,
            "timezone": schedule_of(plan).timezone,
            "next": [time.isoformat() for time in times],
        }
        for plan, times in coming
    ]
    return json.dumps(listed, indent=1)
