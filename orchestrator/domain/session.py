"""Sessions: the repeats of a cell that were submitted together. They are the unit of evidence, jobs are not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from orchestrator.domain.cell import Cell

# What a number was taken under that must be the same for two of them to be compared.
CONTEXT_CONDITIONS = ("os", "cpu", "cores", "threads", "spinning", "delegates", "inputs", "chosen_dimensions")
FILE = "file"  # in a context: which file was measured, where it is not the plan's own
_TOLD_DIFFERENCES = 3


class Trust(StrEnum):
    """How far the numbers of a cell, or of one of its sessions, can be relied on."""

    TRUSTED = "trusted"
    NOISY = "noisy"
    INVALID = "invalid"


@dataclass(frozen=True, kw_only=True)
class Session:
    """What the repeats of a cell came to.

    `values`: each metric's value in each job that gave it, in the metric's unit and the jobs' order, above 0.
    `iterations`: the fewest that any job's value rests on, 0 where a source does not say. `missing`: the jobs without
    a result, and why. `context`: what the numbers were taken under. `units`: each layer's compute unit, by name;
    `unit_shares`: each unit's share of the layers' time (0 to 1). `why`: what made the cell worth measuring again.
    """

    cell: Cell
    run_id: str
    at: datetime
    planned: int
    number: int = 1
    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    iterations: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    context: Mapping[str, str] = field(default_factory=dict)
    trust: Trust = Trust.INVALID
    reasons: tuple[str, ...] = ()
    profiled: bool = False
    units: Mapping[str, str] = field(default_factory=dict)
    unit_shares: Mapping[str, float] = field(default_factory=dict)
    why: str = ""

    @property
    def is_converted(self) -> bool:
        """Whether what was measured had been converted: another thing than the model itself."""
        return FILE in self.context

    def jobs(self, metric: str) -> tuple[float, ...]:
        """The metric's value in each job that gave it."""
        return self.values.get(metric, ())

    def is_whole(self, metric: str) -> bool:
        """Whether every planned job gave the metric."""
        return not self.missing and len(self.jobs(metric)) >= self.planned


Pair = tuple[Session, Session]  # of a model beside itself


def told_differences(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What differs between two contexts, in words; "" where nothing does."""
    if before == now:
        return ""
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    told = [f"{name}: {before.get(name, _untold(name))} -> {now.get(name, _untold(name))}" for name in names]
    more = f" and {len(told) - _TOLD_DIFFERENCES} more" if len(told) > _TOLD_DIFFERENCES else ""
    return "; ".join(told[:_TOLD_DIFFERENCES]) + more


def _untold(name: str) -> str:
    """What a context means that does not tell this."""
    return "original" if name == FILE else "unknown"
