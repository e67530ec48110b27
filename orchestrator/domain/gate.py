"""The verdicts of a plan's gates: one for every rule and every planned cell it covers, whatever was found."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from orchestrator.domain.budget_rule import judge_budget
from orchestrator.domain.cell import Cell, CellPattern
from orchestrator.domain.companions import judge_companions
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.finding import Cause, Finding, Verdict, worst_of
from orchestrator.domain.judgement import Terms
from orchestrator.domain.known_change import as_known
from orchestrator.domain.placement_rule import judge_placement
from orchestrator.domain.plan import GateRule, Plan
from orchestrator.domain.regression_rule import judge_regression
from orchestrator.domain.report import GateResult
from orchestrator.domain.threshold_rule import PLAIN_METRICS, is_comparison, judge_threshold

PLACEMENT = "placement"  # what a `require` rule judges, where others name a metric
_NONE = Evidence()


def judge(plan: Plan, cells: Iterable[Cell], evidence: Mapping[Cell, Evidence]) -> tuple[GateResult, ...]:
    """Judges the planned cells by their evidence. A cell without any is inconclusive: nothing is green for nothing.

    Beside the plan's rules stand the companions of its relative latency rules, which warn and never fail. The result
    follows from the arguments alone, so that the same evidence gives the same verdicts at any later time.
    """
    cells = list(cells)
    terms = terms_of(plan, cells)
    covered = [(rule, cell) for rule in plan.gates for cell in cells if covers(rule, cell)]
    return tuple(result for rule, cell in covered for result in _results(terms, rule, cell, evidence.get(cell, _NONE)))


def terms_of(plan: Plan, cells: Iterable[Cell]) -> Terms:
    """What all of the plan's comparisons are made on; cells count once for each comparison that may fail on them."""
    rules = [rule for rule in plan.gates if is_comparison(rule) and rule.level == "fail"]
    judged = sum(covers(rule, cell) for cell in cells for rule in rules)
    return Terms(policy=plan.baseline, gating=plan.gating, cells=max(1, judged))


def compared_cells(plan: Plan, cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """The cells that the old model may have to stand beside: where sessions are compared, and the plan allows it."""
    rules = [rule for rule in plan.gates if is_comparison(rule) and plan.baseline.control != "never"]
    return tuple(cell for cell in cells if any(covers(rule, cell) for rule in rules))


def covers(rule: GateRule, cell: Cell) -> bool:
    """Whether the rule is meant for this cell."""
    return CellPattern(model=rule.models, device=rule.devices, variant=rule.variants).matches(cell)


def describe(rule: GateRule) -> str:
    """The rule in words, to be read after its metric."""
    parts = [f"at least {share:.0%} of the time on {unit}" for unit, share in rule.require.items()]
    if rule.max is not None:
        parts.append(f"at most {rule.max:g}")
    if rule.max_regression is not None:
        from_ = f" from {rule.at_least:g}" if rule.at_least is not None else ""
        parts.append(f"at most {rule.max_regression * 100:.3g}% worse than the baseline{from_}")
    return ", ".join(parts)


def find(terms: Terms, rule: GateRule, evidence: Evidence) -> Finding:
    """What one rule finds, before levels and profiles soften it."""
    found = []
    if rule.require:
        found.append(judge_placement(rule.require, evidence))
    if rule.max is not None:
        found.append(judge_budget(rule.metric, rule.max, evidence))
    if rule.max_regression is not None and rule.metric in PLAIN_METRICS:
        grown = judge_threshold(rule, evidence, terms.policy, terms.gating)
        found.append(as_known(grown, rule, evidence))
    elif rule.max_regression is not None:
        found.append(judge_regression(rule, evidence, terms))
    worst = worst_of(found)
    return replace(worst, sessions=worst.sessions or len(evidence.current))


def _results(terms: Terms, rule: GateRule, cell: Cell, evidence: Evidence) -> Iterator[GateResult]:
    metric = PLACEMENT if rule.require else rule.metric
    yield _result(cell, metric, describe(rule), _settle(find(terms, rule, evidence), rule, terms))
    for tail_metric, name, finding in judge_companions(rule, evidence, terms.policy):
        yield _result(cell, tail_metric, name, finding)


def _settle(finding: Finding, rule: GateRule, terms: Terms) -> Finding:
    """Level `warn` never blocks; at night neither does what could not be decided, unless results are missing."""
    is_open = finding.verdict is Verdict.INCONCLUSIVE
    may_pass_by = terms.gating.profile == "nightly" and finding.cause is not Cause.MISSING
    if is_open and (may_pass_by or rule.level == "warn"):
        return finding.softened(f"undecided: {finding.reason}")
    if finding.verdict is Verdict.FAIL and rule.level == "warn":
        return finding.softened(finding.reason)
    return finding


def _result(cell: Cell, metric: str, rule: str, finding: Finding) -> GateResult:
    return GateResult(
        cell=cell,
        metric=metric,
        rule=rule,
        verdict=finding.verdict.value,
        reason=finding.reason,
        cause=finding.cause.value if finding.cause else "",
        value=finding.value,
        baseline=finding.baseline,
        change=finding.change,
        low=finding.low,
        high=finding.high,
        sensitivity=finding.sensitivity,
        sessions=finding.sessions,
        baseline_sessions=finding.baseline_sessions,
        statistic=finding.statistic,
    )
