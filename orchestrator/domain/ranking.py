"""Which device is best for a model, and by how much: cells of one model in order of one metric."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.domain.measurement import METRICS
from orchestrator.domain.report import CellReport
from orchestrator.domain.session import Trust
from orchestrator.domain.statistics import Summary


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A cell with its value of the metric. `ratio` is how many times worse than the best of its model it is (>= 1)."""

    cell: CellReport
    summary: Summary
    ratio: float


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The cells of one model that have the metric, best first; at least one. What was converted is ranked by itself."""

    model: str
    metric: str
    ranked: tuple[Ranked, ...]

    @property
    def subject(self) -> str:
        """The model, or that it was converted."""
        return self.best.cell.subject

    @property
    def best(self) -> Ranked:
        """The cell to recommend."""
        return self.ranked[0]

    @property
    def worst(self) -> Ranked:
        """The cell furthest behind; the best itself where there is one alone."""
        return self.ranked[-1]

    @property
    def is_clear(self) -> bool:
        """Whether the best is told apart from the next: each rests on several jobs and their ranges do not meet.

        Ranges of few jobs miss each other by chance, the more so on a busy device: where a cell is not trusted they
        are further apart than the wider of them is wide.
        """
        if len(self.ranked) < 2:
            return False
        first, second = (ranked.summary for ranked in self.ranked[:2])
        gap = max(second.low - first.high, first.low - second.high)
        is_trusted = all(ranked.cell.trust is Trust.TRUSTED for ranked in self.ranked[:2])
        wider = 0.0 if is_trusted else max(first.high - first.low, second.high - second.low)
        return min(first.n, second.n) > 1 and gap > wider


def rank(cells: Iterable[CellReport], metric: str) -> tuple[Ranking, ...]:
    """One ranking for each model that has the metric in any cell, in the order the models come."""
    of_model: dict[tuple[str, str], list[tuple[CellReport, Summary]]] = defaultdict(list)
    for cell in cells:
        found = of_model[cell.cell.model, cell.subject]
        if summary := cell.metric(metric):
            found.append((cell, summary))
    return tuple(_ranking(model, metric, found) for (model, _), found in of_model.items() if found)


def _ranking(model: str, metric: str, found: list[tuple[CellReport, Summary]]) -> Ranking:
    lower_is_better = metric not in METRICS or METRICS[metric].lower_is_better
    ordered = sorted(found, key=lambda pair: pair[1].value, reverse=not lower_is_better)
    best = ordered[0][1].value
    ranked = tuple(
        Ranked(cell=cell, summary=summary, ratio=_times_worse(summary.value, best, lower_is_better))
        for cell, summary in ordered
    )
    return Ranking(model=model, metric=metric, ranked=ranked)


def _times_worse(value: float, best: float, lower_is_better: bool) -> float:
    """The ratio to the best; 1 where the two cannot be divided (a best of 0)."""
    above, below = (value, best) if lower_is_better else (best, value)
    return max(1.0, above / below) if below > 0 else 1.0
