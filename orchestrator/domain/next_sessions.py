"""Which cells are worth further sessions before the gate closes: device minutes go where they can decide something."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.domain.cell import Cell
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.gate import covers, describe, find, terms_of
from orchestrator.domain.plan import Plan
from orchestrator.domain.regression_rule import Terms


@dataclass(frozen=True, kw_only=True)
class FurtherSession:
    """A cell to be measured once more, as its session of that number, and for which reasons."""

    cell: Cell
    number: int
    reasons: tuple[str, ...]


def next_sessions(plan: Plan, cells: Iterable[Cell], evidence: Mapping[Cell, Evidence]) -> tuple[FurtherSession, ...]:
    """The cells that a further session may settle, in the plan's order; none has more than `gating.max_sessions`.

    What only warns is not worth device minutes, nor is a cell whose jobs fail: they were already retried.
    """
    cells = list(cells)
    terms = terms_of(plan, cells)
    asked = (_further(plan, terms, cell, evidence.get(cell, Evidence())) for cell in cells)
    return tuple(session for session in asked if session is not None)


def _further(plan: Plan, terms: Terms, cell: Cell, evidence: Evidence) -> FurtherSession | None:
    taken = len(evidence.current)
    if not 0 < taken < plan.gating.max_sessions:
        return None
    rules = [rule for rule in plan.gates if rule.level == "fail" and covers(rule, cell)]
    findings = ((rule, find(terms, rule, evidence)) for rule in rules)
    reasons = tuple(
        f"{rule.metric} {describe(rule)}: {finding.reason}"
        for rule, finding in findings
        if finding.cause is not None and finding.cause.needs_sessions
    )
    return FurtherSession(cell=cell, number=taken + 1, reasons=reasons) if reasons else None
