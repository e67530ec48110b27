"""The clock's rules, with a clock that the test holds."""

import gc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.localcloud.measure.profiling import run_profiled
from orchestrator.localcloud.measure.summary import summarise_ms
from orchestrator.localcloud.measure.timing import Effort, time_runs, undisturbed, warm_up

MS = 1_000_000
LEAST = Effort(min_runs=1, min_s=0.0, max_s=10.0, max_runs=10_000)


class Workload:
    """A call whose runs take the given milliseconds, the last of them from then on; and the clock that shows it."""

    def __init__(self, *durations_ms: float) -> None:
        self._durations = [round(duration * MS) for duration in durations_ms]
        self.now_ns = 0
        self.runs = 0

    def __call__(self) -> None:
        self.now_ns += self._durations[min(self.runs, len(self._durations) - 1)]
        self.runs += 1

    def clock(self) -> int:
        return self.now_ns


@pytest.mark.parametrize(
    ("duration_ms", "effort", "runs"),
    [
        (10, Effort(min_runs=30, min_s=1.0, max_s=10.0, max_runs=10_000), 100),  # at least a second
        (50, Effort(min_runs=30, min_s=1.0, max_s=10.0, max_runs=10_000), 30),  # at least thirty
        (1000, Effort(min_runs=30, min_s=1.0, max_s=10.0, max_runs=10_000), 10),  # but no more than ten seconds
        (60_000, Effort(min_runs=30, min_s=1.0, max_s=10.0, max_runs=10_000), 1),  # and always one
        (1, Effort(min_runs=5, min_s=1.0, max_s=10.0, max_runs=7), 7),
        (1, Effort(min_runs=5, min_s=0.0, max_s=0.0, max_runs=10_000), 1),
    ],
)
def test_the_timed_loop_does_the_least_and_ends_at_the_most(duration_ms: float, effort: Effort, runs: int) -> None:
    work = Workload(duration_ms)
    assert time_runs(work, effort, clock=work.clock) == [round(duration_ms * MS)] * runs
    assert work.runs == runs


@pytest.mark.parametrize(
    ("durations_ms", "least", "runs"),
    [
        ([10], LEAST, 4),  # the first inference and three that agree with it
        ([20, 15, 12, 10], LEAST, 7),
        ([10, 10.4, 10.8, 11.2], LEAST, 4),  # each within 5 % of the one before
        ([10], Effort(min_runs=20, min_s=0.0, max_s=10.0, max_runs=10_000), 20),
        ([10], Effort(min_runs=1, min_s=0.5, max_s=10.0, max_runs=10_000), 51),
        ([10], Effort(min_runs=1, min_s=5.0, max_s=0.1, max_runs=10_000), 11),
    ],
)
def test_warm_up_ends_when_the_runs_agree(durations_ms: list[float], least: Effort, runs: int) -> None:
    work = Workload(*durations_ms)
    work()
    times = warm_up(work, work.now_ns, least=least, clock=work.clock)
    assert (len(times), work.runs) == (runs, runs)
    assert times[0] == round(durations_ms[0] * MS)


def test_warm_up_gives_up_on_agreement_after_two_seconds() -> None:
    work = Workload(*([100, 200] * 50))
    assert 2.0 <= sum(warm_up(work, 0, least=LEAST, clock=work.clock)) / 1e9 < 2.2


def test_the_collector_is_out_of_the_way_and_comes_back() -> None:
    def fail() -> None:
        with undisturbed():
            assert not gc.isenabled()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize(("max_s", "runs"), [(20.0, 10), (0.0, 1)])
def test_a_profile_has_ten_runs_if_there_is_time(max_s: float, runs: int) -> None:
    assert len(run_profiled(lambda: None, max_s=max_s)) == runs


def nearest_rank(values: list[int], share: int) -> int:
    """The definition in formats.md."""
    return sorted(values)[int(len(values) * share / 100)]


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=300))
def test_a_summary_follows_the_definitions_of_the_benchmark_tool(times_ns: list[int]) -> None:
    summary = summarise_ms(times_ns)
    assert summary["count"] == len(times_ns)
    assert (summary["first"], summary["last"]) == (times_ns[0] / MS, times_ns[-1] / MS)
    assert summary["std"] == pytest.approx(float(np.std(times_ns)) / MS, rel=1e-6, abs=1e-9)
    for share in (5, 50, 90, 95, 99):
        assert summary[f"p{share}"] == nearest_rank(times_ns, share) / MS
