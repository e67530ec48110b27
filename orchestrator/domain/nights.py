"""A cell's metric as a series of nights: one number a run, and where the series changed for good."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestrator.domain.changepoint import ChangePoint, change_points
from orchestrator.domain.history_rule import choose_median, session_numbers
from orchestrator.domain.metric_logs import is_latency, log_jobs
from orchestrator.domain.noise import Logs, resolution_of
from orchestrator.domain.session import Session

MOST_NIGHTS = 90
_COARSE = 0.5  # of the tolerance: steps of a clock that are larger look like changes


@dataclass(frozen=True, kw_only=True)
class Nights:
    """The sessions that count, oldest first, and what each amounts to: logs, signed so that more is worse."""

    metric: str
    sessions: tuple[Session, ...]
    numbers: Logs
    is_median: bool

    def changes(self, tolerance: float) -> tuple[ChangePoint, ...]:
        """Where the series changed for good, by the tolerance (in logs) or more; up is worse."""
        values = [value for session in self.sessions for value in session.jobs(self.metric)]
        if resolution_of(values) / float(np.median(values)) > _COARSE * np.expm1(tolerance):
            return ()
        return change_points(self.numbers.tolist(), tolerance)


def nights_of(sessions: Sequence[Session], metric: str, statistic: str = "auto") -> Nights | None:
    """The nights of sessions that are oldest first; None where none gave the metric.

    Of each run the first session stands for its night. Nights without all of their jobs are left out, never filled in,
    where others have all; so are latencies taken while a profiler ran, where the newest was not, and nights of a model
    itself, where the newest is of what it was converted to, and the reverse of both.
    """
    given = [found for found in sessions if found.number == 1 and found.jobs(metric)]
    given = [found for found in given if found.is_whole(metric)] or given
    given = [found for found in given if not is_latency(metric) or found.profiled == given[-1].profiled]
    given = [found for found in given if found.is_converted == given[-1].is_converted]
    if not given:
        return None
    jobs = log_jobs(given, metric, min(len(found.jobs(metric)) for found in given))
    is_median = choose_median(jobs, statistic)
    numbers = session_numbers(jobs, is_median)
    return Nights(metric=metric, sessions=tuple(given), numbers=numbers, is_median=bool(is_median))
