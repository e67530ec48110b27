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

_WHOLE = ("first", "curr", "min", "max", "p5", "median", "p95")


@dataclass(frozen=True, kw_only=True)
class Stat:
    """A series of timings. `first_us` and `curr_us` are its first and last; `std_us` is the population's deviation.

    Percentiles are upper nearest rank, `sorted[int(n * p / 100)]`; older builds print none, and no build others.
    An empty series has nothing but its count.
    """

    count: int
    first_us: int | None = None
    curr_us: int | None = None
    min_us: int | None = None
    max_us: int | None = None
    avg_us: float | None = None
    std_us: float | None = None
    p5_us: int | None = None
    median_us: int | None = None
    p95_us: int | None = None


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
    count = int(found["count"])
    if count == 0:
        return Stat(count=0)
    whole = {f"{name}_us": int(found[name]) for name in _WHOLE if found[name] is not None}
    if found["avg"] is not None:
        return Stat(count=count, **whole, avg_us=finite(found["avg"]), std_us=finite(found["std"]))
    if found["curr"] is not None:
        whole |= dict.fromkeys(("first_us", "min_us", "max_us"), int(found["curr"]))
        return Stat(count=count, **whole, avg_us=float(found["curr"]), std_us=0.0)
    return None


def format_stat(stat: Stat) -> str:
    """The line as the writers print it. `avg` keeps six significant digits and may turn scientific, `std` is cut."""
    if stat.count == 0 or stat.avg_us is None or stat.std_us is None:
        return "count=0"
    tail = "" if stat.p5_us is None else f" p5={stat.p5_us} median={stat.median_us} p95={stat.p95_us}"
    if stat.min_us == stat.max_us:
        return f"count={stat.count} curr={stat.curr_us}" + ("(all same)" if stat.count > 1 else "") + tail
    return (
        f"count={stat.count} first={stat.first_us} curr={stat.curr_us} min={stat.min_us} max={stat.max_us}"
        f" avg={stat.avg_us:g} std={int(stat.std_us)}{tail}"
    )
