"""Whether a cell's own sessions are fit to be judged, before any rule looks at them. What is not fails closed."""

from collections.abc import Sequence

from orchestrator.domain.finding import Cause, Finding, undecided
from orchestrator.domain.metric_logs import is_latency
from orchestrator.domain.session import Session

# So that at least five iterations lie beyond a percentile, and ten beyond the wildest.
LEAST_ITERATIONS = {"latency_p90_ms": 50, "latency_p95_ms": 100, "latency_p99_ms": 1000}


def unfit(sessions: Sequence[Session], metric: str) -> Finding | None:
    """Why the metric of these sessions cannot be judged; None where it can."""
    return _missing(sessions, metric) or _profiled(sessions, metric) or _too_few_iterations(sessions, metric)


def missing_jobs(sessions: Sequence[Session]) -> Finding | None:
    """Which jobs have no result; None where all have."""
    if not sessions:
        return undecided(Cause.MISSING, "the cell has no session")
    told = [why for session in sessions for why in session.missing]
    return undecided(Cause.MISSING, "; ".join(told)) if told else None


def _missing(sessions: Sequence[Session], metric: str) -> Finding | None:
    if found := missing_jobs(sessions):
        return found
    incomplete = [session for session in sessions if not session.is_whole(metric)]
    if not incomplete:
        return None
    given = sum(len(session.jobs(metric)) for session in sessions)
    planned = sum(session.planned for session in sessions)
    return undecided(Cause.MISSING, f"{given} of {planned} jobs gave a usable {metric}")


def _profiled(sessions: Sequence[Session], metric: str) -> Finding | None:
    if is_latency(metric) and any(session.profiled for session in sessions):
        return undecided(Cause.NOT_INDEPENDENT, f"{metric} was taken while the profiler ran, which slows the model")
    return None


def _too_few_iterations(sessions: Sequence[Session], metric: str) -> Finding | None:
    least = LEAST_ITERATIONS.get(metric, 0)
    fewest = min(session.iterations.get(metric, 0) for session in sessions)
    if fewest >= least:
        return None
    told = f"a job had {fewest} iterations" if fewest else "a job does not say how many iterations it had"
    return undecided(Cause.TOO_FEW_ITERATIONS, f"{told}; {metric} needs at least {least}")
