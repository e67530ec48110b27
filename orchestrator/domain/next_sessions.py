"""Which cells are worth further sessions before the gate closes: device minutes go where they can decide something."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.domain.beside_rule import control_is_possible
from orchestrator.domain.cell import Cell
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.finding import Finding
from orchestrator.domain.gate import covers, describe, find, terms_of
from orchestrator.domain.judgement import Terms
from orchestrator.domain.plan import GateRule, Plan


@dataclass(frozen=True, kw_only=True)
class FurtherSession:
    """A cell to be measured once more, as its session of that number, and for which reasons.

    `has_control`: with the old model beside it.
    """

    cell: Cell
    number: int
    reasons: tuple[str, ...]
    has_control: bool = False


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
    looks = [_Look(rule, find(terms, rule, evidence), control_is_possible(rule, evidence, terms)) for rule in rules]
    asking = [look for look in looks if look.asks]
    if not asking:
        return None
    beside = looks if plan.baseline.control == "always" else asking
    return FurtherSession(
        cell=cell,
        number=taken + 1,
        reasons=tuple(f"{look.rule.metric} {describe(look.rule)}: {look.finding.reason}" for look in asking),
        has_control=any(look.control_is_possible for look in beside),
    )


@dataclass(frozen=True)
class _Look:
    rule: GateRule
    finding: Finding
    control_is_possible: bool

    @property
    def asks(self) -> bool:
        """Whether a further session may settle what the rule could not."""
        cause = self.finding.cause
        return cause is not None and (cause.needs_sessions or (self.control_is_possible and cause.needs_control))
