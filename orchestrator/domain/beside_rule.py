"""CONTROL as a rule: when the old model beside the new one is asked, and what its answer is worth beside history's.

History that has decided needs no control. Where it is open, the control decides, but it does not pass what all sessions
together show against the past: to fail takes two sessions, each on its own, while to pass takes no more than a mean.
Without that, farms whose jobs differ wildly passed a slow-down of 10 % four times as often
(benchmarks/gate_simulation.py).
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from orchestrator.domain.contrast import against_control, knows_control_noise, tolerance_log
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.finding import Cause, Finding, Verdict, undecided
from orchestrator.domain.history_rule import LEAST_SESSIONS
from orchestrator.domain.judgement import Terms, decided
from orchestrator.domain.metric_logs import sign_of
from orchestrator.domain.plan import BaselinePolicy, GateRule
from orchestrator.domain.readiness import unfit
from orchestrator.domain.session import Session, told_differences
from orchestrator.domain.threshold_rule import is_comparison

_MODELS_OWN = ("delegates", "inputs", "chosen_dimensions")  # of a context: what two models may differ in
_NO_NOISE = f"nothing tells how much this device scatters: that takes {LEAST_SESSIONS} sessions or 'bench calibrate'"


def with_control(rule: GateRule, evidence: Evidence, terms: Terms, history: Finding) -> Finding:
    """The finding once the old model beside the sessions has been heard, where the plan wants it or history is open."""
    if terms.policy.control == "always":
        return _always(rule, evidence, terms, history)
    if terms.policy.control == "never" or not _is_open(history):
        return history
    paired = evidence.beside
    if not paired.control:
        why = why_no_control(evidence, terms.policy) if evidence.old else ""
        return replace(history, reason="; ".join(filter(None, (history.reason, why))))
    control = _by_control(rule, paired, terms)
    if control.baseline is None:
        return replace(history, reason=f"{history.reason}; {control.reason}")
    if control.verdict is Verdict.INCONCLUSIVE:
        return replace(control, reason=f"{control.reason}; {history.reason}")
    if control.verdict is Verdict.PASS and _shows_more(rule, history):
        told = f"{history.reason}; {control.reason}, which does not outweigh it"
        return replace(history, cause=Cause.SUSPICIOUS, reason=told)
    return control


def control_is_possible(rule: GateRule, evidence: Evidence, terms: Terms) -> bool:
    """Whether the old model can stand beside the cell's next session, and something be learned from it by this rule."""
    if not is_comparison(rule) or terms.policy.control == "never" or why_no_control(evidence, terms.policy):
        return False
    return terms.policy.control == "always" or knows_control_noise(rule.metric, evidence, terms.policy)


def _is_open(history: Finding) -> bool:
    is_undecided = history.verdict is Verdict.INCONCLUSIVE or history.cause is Cause.NO_BASELINE
    return is_undecided and history.cause is not Cause.CLOCK


def _always(rule: GateRule, evidence: Evidence, terms: Terms, history: Finding) -> Finding:
    """What the plan insists on and did not get leaves the cell open; one that has no past yet is new."""
    if history.cause is Cause.CLOCK:
        return history
    paired = evidence.beside
    if paired.control:
        return _by_control(rule, paired, terms)
    if history.cause is Cause.NO_BASELINE and evidence.old is None:
        return history
    why = why_no_control(evidence, terms.policy) or "none of its sessions has a partner"
    return undecided(Cause.MISSING, f"the plan wants the old model run beside the new one, and it was not: {why}")


def why_no_control(evidence: Evidence, policy: BaselinePolicy) -> str:
    """Why the old model cannot or need not stand beside the cell's sessions; "" where it can."""
    if evidence.old is None:
        return "there is no old model to run beside it"
    if evidence.old.unusable:
        return f"{evidence.old} cannot be run beside it: {evidence.old.unusable}"
    if evidence.old.is_same and policy.control == "auto":
        return "the old model is the same file, which beside itself would show nothing"
    return ""


def _by_control(rule: GateRule, paired: Evidence, terms: Terms) -> Finding:
    old = paired.old or "the old model"
    if found := unfit(paired.control, rule.metric):
        return undecided(Cause.MISSING, f"{old} beside it: {found.reason}")
    if told := _other_conditions(paired):
        return undecided(Cause.NOT_COMPARABLE, f"{old} beside it ran under other conditions ({told})")
    contrast = against_control(rule.metric, paired, terms.policy, terms.gating.statistic)
    if contrast is None:
        return undecided(Cause.NO_NOISE_ESTIMATE, _NO_NOISE)
    return decided(rule, terms, contrast)


def _other_conditions(paired: Evidence) -> str:
    for new, old in zip(paired.current, paired.control, strict=True):
        if told := told_differences(_shared_context(old), _shared_context(new)):
            return told
    return ""


def _shared_context(session: Session) -> Mapping[str, str]:
    return {name: told for name, told in session.context.items() if name not in _MODELS_OWN}


def _shows_more(rule: GateRule, history: Finding) -> bool:
    """Whether all sessions together are worse than the past by the tolerance."""
    if history.change is None or history.baseline is None:
        return False
    return sign_of(rule.metric) * math.log1p(history.change) >= tolerance_log(rule, history.baseline)
