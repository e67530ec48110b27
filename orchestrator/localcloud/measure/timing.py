"""The clock around the model: warm-up until it is steady, then the timed loop. Times are whole nanoseconds."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

Clock = Callable[[], int]

_STEADY_RUNS = 3  # so many in a row ...
_STEADY_SHARE = 0.05  # ... differ by no more than this from the one before
_WARMUP_MAX_S = 2.0  # where they never do


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long to measure: at least `min_runs` runs and `min_s` seconds, but nothing after `max_s` or `max_runs`."""

    min_runs: int
    min_s: float
    max_s: float
    max_runs: int

    def ends(self, runs: int, spent_s: float, *, settled: bool = True) -> bool:
        """Whether so many runs in so many seconds are the end; beyond the least, only once they have settled."""
        if runs >= self.max_runs or spent_s >= self.max_s:
            return True
        return settled and runs >= self.min_runs and spent_s >= self.min_s


def timed_ns(call: Callable[[], object], clock: Clock = time.perf_counter_ns) -> int:
    """How long one call takes."""
    start = clock()
    call()
    return clock() - start


def warm_up(
    call: Callable[[], object], first_ns: int, *, least: Effort, clock: Clock = time.perf_counter_ns
) -> list[int]:
    """Runs until `least` is done and the times are steady, or they are not for two seconds.

    The first inference, which took `first_ns`, is the first of the returned times.
    """
    times, steady, start = [first_ns], 0, clock()
    while True:
        spent_s = (clock() - start) / 1e9
        settled = steady >= _STEADY_RUNS or spent_s >= _WARMUP_MAX_S
        if least.ends(len(times), spent_s, settled=settled):
            return times
        times.append(timed_ns(call, clock))
        steady = steady + 1 if abs(times[-1] - times[-2]) <= _STEADY_SHARE * times[-2] else 0


def time_runs(call: Callable[[], object], effort: Effort, *, clock: Clock = time.perf_counter_ns) -> list[int]:
    """The times of the timed runs; at least one."""
    times = [timed_ns(call, clock)]
    start = clock() - times[0]
    while not effort.ends(len(times), (clock() - start) / 1e9):
        times.append(timed_ns(call, clock))
    return times


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keeps the garbage collector out of what is timed."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
