"""The tail rule and the slow-share rule, judged beside every relative latency rule. They warn and never fail."""

import math
from collections.abc import Iterator

import numpy as np

from orchestrator.domain.companion_rules import (
    RARE,
    chance_of_slow_jobs,
    has_longer_tail,
    slow_jobs,
    tail_band,
    tail_shift,
)
from orchestrator.domain.contrast import tolerance_log
from orchestrator.domain.evidence import Comparable, Evidence, choose_baseline
from orchestrator.domain.finding import Finding, Verdict
from orchestrator.domain.metric_logs import log_jobs
from orchestrator.domain.plan import BaselinePolicy, GateRule
from orchestrator.domain.readiness import unfit

COMPANIED = ("latency_p50_ms", "latency_ms")
TAILS = ("latency_p90_ms", "latency_p95_ms")
TAIL_RULE, SLOW_SHARE_RULE = "tail", "slow share"


def judge_companions(rule: GateRule, evidence: Evidence, policy: BaselinePolicy) -> Iterator[tuple[str, str, Finding]]:
    """(metric, rule, finding) of each companion that has a baseline; none where the rule itself has none."""
    if rule.max_regression is None or rule.metric not in COMPANIED:
        return
    for metric in TAILS:
        if (found := _tail(rule, metric, evidence, policy)) is not None:
            yield metric, TAIL_RULE, found
            break
    if (found := _slow_share(rule, evidence, policy)) is not None:
        yield rule.metric, SLOW_SHARE_RULE, found


def _baseline(evidence: Evidence, metric: str, policy: BaselinePolicy) -> Comparable | None:
    """The baseline, where it is judged by its own sessions and the current ones are fit."""
    if unfit(evidence.current, metric):
        return None
    chosen = choose_baseline(evidence, metric, policy)
    return chosen if chosen.cause is None and not chosen.noise else None


def _tail(rule: GateRule, metric: str, evidence: Evidence, policy: BaselinePolicy) -> Finding | None:
    if (chosen := _baseline(evidence, metric, policy)) is None:
        return None
    repeats = evidence.current[0].planned
    band = tail_band(log_jobs(chosen.sessions, metric, repeats))
    jobs = log_jobs(evidence.current, metric, repeats).reshape(-1)
    baseline, shift, half = math.exp(float(band.centre)), float(tail_shift(jobs, band)), float(band.half_width())
    is_longer = bool(has_longer_tail(jobs, band, tolerance_log(rule, baseline)))
    return Finding(
        verdict=Verdict.WARN if is_longer else Verdict.PASS,
        reason=f"the jobs' slow iterations are {'slower than' if is_longer else 'as fast as'} before",
        value=baseline * math.exp(shift),
        baseline=baseline,
        change=math.expm1(shift),
        low=math.expm1(shift - half),
        high=math.expm1(shift + half),
        sensitivity=band.sensitivity,
        sessions=len(evidence.current),
        baseline_sessions=len(chosen.sessions),
        statistic="median",
    )


def _slow_share(rule: GateRule, evidence: Evidence, policy: BaselinePolicy) -> Finding | None:
    metric, repeats = rule.metric, evidence.current[0].planned if evidence.current else 0
    if (chosen := _baseline(evidence, metric, policy)) is None:
        return None
    past = log_jobs(chosen.sessions, metric, repeats)
    jobs = log_jobs(evidence.current, metric, repeats).reshape(-1)
    slow, past_slow = (int(np.asarray(count)) for count in slow_jobs(jobs, past))
    chance = chance_of_slow_jobs(slow, jobs.size, past_slow, past.size)
    return Finding(
        verdict=Verdict.WARN if chance < RARE else Verdict.PASS,
        reason=f"{slow} of {jobs.size} jobs are slow, before {past_slow} of {past.size}",
        value=slow / jobs.size,
        baseline=past_slow / past.size,
        sessions=len(evidence.current),
        baseline_sessions=len(chosen.sessions),
    )
