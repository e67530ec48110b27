"""The one line all LiteRT benchmark tools print for a series of timings, in microseconds.

Written by the statistics class the tools share; three shapes and, in newer builds, a percentile tail:

    count=50 first=120 curr=98 min=95 max=120 avg=100.5 std=2 p5=95 median=100 p95=118
    count=50 curr=7(all same)
    count=0
"""

import math
import re
from dataclasses import dataclass

from orchestrator.protocol.unreadable import Unreadable

# Digits are bounded so that a hostile line costs no more than an honest one.
INTEGER = r"-?\d{1,18}"
NUMBER = r"[-+]?(?:nan|inf|\d{1,40}(?:\.\d{1,40})?(?:[eE][-+]?\d{1,4})?)"

_STAT = re.compile(
    rf"\bcount=(?P<count>\d{{1,18}})(?: first=(?P<first>{INTEGER}))?(?: curr=(?P<curr>{INTEGER}))?(?:\(all same\))?"
    rf"(?: min=(?P<min>{INTEGER}) max=(?P<max>{INTEGER}) avg=(?P<avg>{NUMBER}) std=(?P<std>{NUMBER}))?"
    rf"(?: p5=(?P<p5>{INTEGER}) median=(?P<median>{INTEGER}) p95=(?P<p95>{INTEGER}))?"
)


@dataclass(frozen=True, kw_only=True)
class Percentiles:
    """Upper nearest rank: `sorted[int(n * p / 100)]`, in microseconds. No other percentile is ever printed."""

    p5_us: int
    median_us: int
    p95_us: int


@dataclass(frozen=True, kw_only=True)
class Stat:
    """A series of timings. `curr_us` is the last one; `std_us` the population's, truncated to whole microseconds.

    With `count` 0 every other number is 0 and means nothing. Older builds print no percentiles.
    """

    count: int
    first_us: int = 0
    curr_us: int = 0
    min_us: int = 0
    max_us: int = 0
    avg_us: float = 0.0
    std_us: float = 0.0
    percentiles: Percentiles | None = None


def finite(text: str) -> float:
    """The number in `text`. Raises Unreadable where it is NaN or infinite: no figure of ours is."""
    value = float(text)
    if not math.isfinite(value):
        message = f"{text} is not a finite number"
        raise Unreadable(message)
    return value


def parse_stat(line: str) -> Stat | None:
    """The series in a line, wherever in it, or None. Raises Unreadable on NaN or infinity."""
    found = _STAT.search(line)
    if found is None:
        return None
    count, tail = int(found["count"]), _percentiles(found)
    if found["avg"] is None:
        only = int(found["curr"] or 0)
        same = {"first_us": only, "curr_us": only, "min_us": only, "max_us": only}
        return Stat(count=count, **same, avg_us=float(only), percentiles=tail)
    whole = {f"{name}_us": int(found[name] or 0) for name in ("first", "curr", "min", "max")}
    return Stat(count=count, **whole, avg_us=finite(found["avg"]), std_us=finite(found["std"]), percentiles=tail)


def _percentiles(found: re.Match[str]) -> Percentiles | None:
    if found["p5"] is None:
        return None
    return Percentiles(p5_us=int(found["p5"]), median_us=int(found["median"]), p95_us=int(found["p95"]))


def format_stat(stat: Stat) -> str:
    """The line as the writers print it. `avg` keeps six significant digits, and may turn scientific."""
    return _series(stat) + _tail(stat.percentiles)


def _series(stat: Stat) -> str:
    if stat.count == 0:
        return "count=0"
    if stat.min_us == stat.max_us:
        return f"count={stat.count} curr={stat.curr_us}" + ("(all same)" if stat.count > 1 else "")
    return (
        f"count={stat.count} first={stat.first_us} curr={stat.curr_us} min={stat.min_us} max={stat.max_us}"
        f" avg={stat.avg_us:g} std={int(stat.std_us)}"
    )


def _tail(tail: Percentiles | None) -> str:
    return f" p5={tail.p5_us} median={tail.median_us} p95={tail.p95_us}" if tail else ""
