"""The verdicts of a plan's gates."""

from collections.abc import Iterable

from orchestrator.domain.cell import Cell, CellPattern
from orchestrator.domain.plan import GateRule
from orchestrator.domain.report import CellReport, GateResult

NOT_JUDGED = "this version of bench reads gates but does not judge them yet"


def judge(rules: Iterable[GateRule], cells: Iterable[CellReport]) -> tuple[GateResult, ...]:
    """One result for each rule and cell it covers. Without a judgement it is inconclusive: never green for nothing."""
    cells = list(cells)
    return tuple(_undecided(rule, cell) for rule in rules for cell in cells if _covers(rule, cell.cell))


def _covers(rule: GateRule, cell: Cell) -> bool:
    return CellPattern(model=rule.models, device=rule.devices, variant=rule.variants).matches(cell)


def _undecided(rule: GateRule, cell: CellReport) -> GateResult:
    summary = cell.metric(rule.metric)
    return GateResult(
        cell=cell.cell,
        metric=rule.metric,
        rule=describe(rule),
        verdict="inconclusive",
        reason=NOT_JUDGED,
        value=summary.value if summary else None,
    )


def describe(rule: GateRule) -> str:
    """The rule in words, as the report shows it."""
    parts = []
    if rule.max is not None:
        parts.append(f"{rule.metric} at most {rule.max:g}")
    if rule.max_regression is not None:
        parts.append(f"{rule.metric} at most {rule.max_regression:.3g} of the baseline slower")
    parts += [f"at least {share:.0%} of the time on {unit}" for unit, share in rule.require.items()]
    return ", ".join(parts)
