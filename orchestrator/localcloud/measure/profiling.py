"""The second session: the time of each operator. Profiling costs time itself, so nothing else is measured here."""

import time
from collections.abc import Callable

from orchestrator.localcloud.measure.failure import Failure
from orchestrator.localcloud.measure.runtime import Infer
from orchestrator.localcloud.measure.timing import timed_ns
from orchestrator.sandbox.inside import Say

WARM_RUNS = 3
RUNS = 10
_MAX_S = 20.0  # a profile of fewer runs is better than none


def run_profiled(infer: Infer, *, runs: int = RUNS, max_s: float = _MAX_S) -> list[int]:
    """The nanoseconds of each run: `runs` of them, at least one, none started after `max_s`."""
    end = time.perf_counter() + max_s
    times = [timed_ns(infer)]
    while len(times) < runs and time.perf_counter() < end:
        times.append(timed_ns(infer))
    return times


def tell_profile(profile: Callable[[], tuple[str, list[int]]], say: Say) -> None:
    """Says `stage="profiled"` with the file's name and the median run, or `stage="failed"` with the reason."""
    say(stage="running")
    try:
        file, times = profile()
    except Failure as failure:
        say(stage="failed", kind=failure.kind, reason=str(failure))
    else:
        say(stage="profiled", file=file, run_ms=sorted(times)[len(times) // 2] / 1e6)
