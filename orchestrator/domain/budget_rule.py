"""An absolute budget, `max`: the median over all jobs against the budget. It needs no past."""

import math

import numpy as np

from orchestrator.domain.evidence import Evidence
from orchestrator.domain.finding import Cause, Finding, Verdict, undecided
from orchestrator.domain.noise import robust_spread
from orchestrator.domain.readiness import unfit

LEAST_JOBS = 3
EXACT = ("model_size_mb",)  # the same in every job
_MEDIAN_ERROR = 1.25  # of a median, in units of a mean's standard error (the root of pi / 2)


def judge_budget(metric: str, budget: float, evidence: Evidence) -> Finding:
    """Fail where the median is above the budget (> 0, in the metric's unit), and marginal where noise could decide."""
    if found := unfit(evidence.current, metric):
        return found
    values = np.array([value for session in evidence.current for value in session.jobs(metric)])
    middle = float(np.median(values))
    if metric not in EXACT and len(values) < LEAST_JOBS:
        told = f"{_jobs(len(values))}: a budget needs at least {LEAST_JOBS}"
        return undecided(Cause.TOO_FEW_JOBS, told, value=middle)
    error = 0.0 if metric in EXACT else _MEDIAN_ERROR * float(robust_spread(np.log(values))) / math.sqrt(len(values))
    is_marginal = abs(math.log(middle / budget)) < error
    near = f", marginal: the median of {_jobs(len(values))} is known to ±{error:.1%}" if is_marginal else ""
    return Finding(
        verdict=Verdict.FAIL if middle > budget else Verdict.PASS,
        cause=Cause.MARGINAL if is_marginal else None,
        reason=f"{abs(middle / budget - 1):.1%} {'above' if middle > budget else 'below'} the budget{near}",
        value=middle,
        sessions=len(evidence.current),
        statistic="median",
    )


def _jobs(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"
