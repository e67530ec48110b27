"""A relative rule, `max_regression`: which baseline judges, and what the decision is in words."""

from orchestrator.domain.beside_rule import with_control
from orchestrator.domain.contrast import against_history, against_pinned
from orchestrator.domain.evidence import Evidence, choose_baseline, comparable_with
from orchestrator.domain.finding import Cause, Finding, Verdict, undecided, worst_of
from orchestrator.domain.judgement import Terms, decided
from orchestrator.domain.known_change import as_known
from orchestrator.domain.plan import GateRule
from orchestrator.domain.readiness import unfit


def judge_regression(rule: GateRule, evidence: Evidence, terms: Terms) -> Finding:
    """Judges by HISTORY; by CONTROL where the plan wants it or history cannot tell; and by the pinned run if named."""
    if found := unfit(evidence.current, rule.metric):
        return found
    past = judge_past(rule, evidence, terms)
    pinned = judge_pinned(rule, evidence, terms)
    known = as_known(past, rule, evidence)
    if pinned is None or past.cause in (Cause.CLOCK, Cause.NO_BASELINE):
        return known
    pinned = with_control(rule, evidence, terms, pinned)
    if pinned == past:
        return known
    return worst_of([known, as_known(pinned, rule, evidence, pinned=True)])


def judge_past(rule: GateRule, evidence: Evidence, terms: Terms) -> Finding:
    """Judges fit sessions by HISTORY, and by CONTROL where the plan wants it or history cannot tell.

    What people know of the change already plays no part.
    """
    return with_control(rule, evidence, terms, by_history(rule, evidence, terms))


def judge_pinned(rule: GateRule, evidence: Evidence, terms: Terms) -> Finding | None:
    """Judges fit sessions by the pinned run, as `judge_past`; None where none is named."""
    return _by_pinned(rule, evidence, terms, terms.policy.pinned) if terms.policy.pinned is not None else None


def by_history(rule: GateRule, evidence: Evidence, terms: Terms) -> Finding:
    """Judges fit sessions by the past ones alone."""
    chosen = choose_baseline(evidence, rule.metric, terms.policy)
    if chosen.cause is None:
        return decided(rule, terms, against_history(rule.metric, evidence, chosen, terms.gating.statistic))
    values = [value for session in evidence.current for value in session.jobs(rule.metric)]
    return Finding(
        verdict=Verdict(terms.gating.new_cells) if chosen.is_new else Verdict.INCONCLUSIVE,
        cause=chosen.cause,
        reason=chosen.reason,
        value=sorted(values)[len(values) // 2],
        sessions=len(evidence.current),
        baseline_sessions=len(chosen.sessions),
    )


def _by_pinned(rule: GateRule, evidence: Evidence, terms: Terms, name: str) -> Finding:
    pinned = comparable_with(evidence.current[0], evidence.pinned, rule.metric)
    if not pinned:
        known = "was taken in another context" if evidence.pinned else "is not stored"
        return undecided(Cause.NOT_COMPARABLE, f"the pinned run {name} {known} for this cell")
    chosen = choose_baseline(evidence, rule.metric, terms.policy)
    if chosen.cause is not None:
        return undecided(chosen.cause, f"no noise to judge the pinned run {name} with: {chosen.reason}")
    history = against_history(rule.metric, evidence, chosen, terms.gating.statistic)
    return decided(rule, terms, against_pinned(history, evidence, pinned, name))
