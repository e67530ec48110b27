"""From a plan and what its cloud offers to the cells to be measured."""

from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.domain.cell import Cell, CellPattern, expand_cells
from orchestrator.domain.device import Device, nearest_names
from orchestrator.domain.plan import Plan
from orchestrator.errors import PlanError, Problem

MAX_JOBS = 100_000


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The cells, and the devices they are on."""

    cells: tuple[Cell, ...]
    devices: tuple[Device, ...]


def resolve_targets(plan: Plan, offered: Iterable[Device]) -> Targets:
    """The plan's cells on the devices that the cloud offers. Raises PlanError with all that matches nothing."""
    offered = tuple(offered)
    names = [device.name for device in offered]
    selected = dict.fromkeys(device.name for selector in plan.devices for device in selector.pick(offered))
    cells = expand_cells(
        [entry.name for entry in plan.models],
        selected,
        [variant.name for variant in plan.variants],
        known_devices=names,
        include=plan.include,
        exclude=plan.exclude,
    )
    problems = [*_unmatched_selectors(plan, offered), *_unmatched_patterns(plan, names)]
    if not problems and not cells:
        problems = ["nothing is left to measure: 'exclude' takes out every cell"]
    if len(cells) * plan.repeats > MAX_JOBS:
        problems.append(f"{len(cells)} cells x {plan.repeats} repeats are more than {MAX_JOBS:,} jobs")
    if problems:
        raise PlanError([Problem(file=str(plan.path), message=problem) for problem in problems])
    used = {cell.device for cell in cells}
    return Targets(cells=cells, devices=tuple(device for device in offered if device.name in used))


def _unmatched_selectors(plan: Plan, offered: tuple[Device, ...]) -> list[str]:
    names = [device.name for device in offered]
    unmatched = [selector for selector in plan.devices if not selector.pick(offered)]
    return [
        f"no device of the cloud matches {str(selector)!r} ({_did_you_mean(selector.name, names)})"
        for selector in unmatched
    ]


def _unmatched_patterns(plan: Plan, names: list[str]) -> list[str]:
    models = [entry.name for entry in plan.models]
    variants = [variant.name for variant in plan.variants]
    everything = expand_cells(models, names, variants, known_devices=names)

    def unmatched(kind: str, patterns: Iterable[CellPattern]) -> list[str]:
        empty = [pattern for pattern in patterns if not any(pattern.matches(cell) for cell in everything)]
        return [f"{kind} matches no cell: {pattern.model} / {pattern.device} / {pattern.variant}" for pattern in empty]

    return unmatched("'include'", plan.include) + unmatched("'exclude'", plan.exclude)


def _did_you_mean(wanted: str, names: list[str]) -> str:
    near = nearest_names(wanted, names)
    if near:
        return "nearest: " + ", ".join(near)
    if not names:
        return "the cloud offers no devices"
    return "'bench devices' lists them; there are " + ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
