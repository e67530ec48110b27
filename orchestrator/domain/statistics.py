"""Small statistics over the jobs of a cell. Jobs are the unit: iterations inside one job are not independent."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The median of n jobs, and the lowest and highest of them: with few jobs the range is the honest interval."""

    value: float
    n: int
    low: float
    high: float

    @property
    def spread(self) -> float:
        """The range as a fraction of the median; 0 for a median of 0."""
        return (self.high - self.low) / abs(self.value) if self.value else 0.0


def summarise(values: Sequence[float]) -> Summary:
    """The summary of at least one finite value. Raises ValueError on none."""
    return Summary(value=statistics.median(values), n=len(values), low=min(values), high=max(values))
