"""A relative rule for what is the same, or nearly so, in every job: memory, size, loading. A plain threshold."""

import statistics

from orchestrator.domain.evidence import Evidence, choose_baseline
from orchestrator.domain.finding import Finding, Verdict
from orchestrator.domain.plan import BaselinePolicy, GateRule, Gating
from orchestrator.domain.readiness import unfit
from orchestrator.domain.session import Session

PLAIN_METRICS = ("peak_memory_mb", "model_size_mb", "load_ms")


def is_comparison(rule: GateRule) -> bool:
    """Whether it takes sessions to judge by the rule: a relative one of what scatters."""
    return rule.max_regression is not None and rule.metric not in PLAIN_METRICS


def judge_threshold(rule: GateRule, evidence: Evidence, policy: BaselinePolicy, gating: Gating) -> Finding:
    """Fail where the median over the jobs grew by more than `max_regression` and `at_least` over the baseline's."""
    if found := unfit(evidence.current, rule.metric):
        return found
    value = statistics.median(value for session in evidence.current for value in session.jobs(rule.metric))
    chosen = choose_baseline(evidence, rule.metric, policy)
    if chosen.cause is not None:
        verdict = Verdict(gating.new_cells) if chosen.is_new else Verdict.INCONCLUSIVE
        past = len(chosen.sessions)
        return Finding(verdict=verdict, cause=chosen.cause, reason=chosen.reason, value=value, baseline_sessions=past)
    baseline = statistics.median(_middle(session, rule.metric) for session in chosen.sessions)
    change = value / baseline - 1
    has_grown = change > (rule.max_regression or 0.0) and value - baseline >= (rule.at_least or 0.0)
    return Finding(
        verdict=Verdict.FAIL if has_grown else Verdict.PASS,
        reason=f"{abs(change):.1%} {'more' if change > 0 else 'less'} than the last {len(chosen.sessions)} sessions",
        value=value,
        baseline=baseline,
        change=change,
        sessions=len(evidence.current),
        baseline_sessions=len(chosen.sessions),
        statistic="median",
    )


def _middle(session: Session, metric: str) -> float:
    return statistics.median(session.jobs(metric))
