"""How long jobs keep a device: what is known from earlier ones, and so what to expect of those to come."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median

from orchestrator.domain.cell import Cell
from orchestrator.domain.job import Attempt
from orchestrator.domain.outcome import Measured

REMEMBERED = 10  # of each cell, the latest; a device's habits change


class Durations:
    """Seconds from when a device was seen to work on a job until its results were there, by cell."""

    def __init__(self, known: Mapping[Cell, Iterable[float]] | None = None) -> None:
        self._of_cell: defaultdict[Cell, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._of_device: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._of_all: deque[float] = deque(maxlen=REMEMBERED)
        for cell, seconds in (known or {}).items():
            for each in seconds:
                self.add(cell, each)

    def learn(self, cell: Cell, attempt: Attempt) -> None:
        """Takes in an attempt that has ended, if it measured something and its beginning was seen."""
        if isinstance(attempt.outcome, Measured) and attempt.begun_at is not None:
            self.add(cell, (attempt.ended_at - attempt.begun_at).total_seconds())

    def add(self, cell: Cell, seconds: float) -> None:
        """Takes in what a job took."""
        for known in (self._of_cell[cell], self._of_device[cell.device], self._of_all):
            known.append(seconds)

    def usual_s(self, cell: Cell) -> float | None:
        """What a job of this cell takes; where that is not known, what others take there, or anywhere."""
        if cell in self._of_cell:
            return median(self._of_cell[cell])
        others = self._of_device.get(cell.device) or self._of_all
        return fmean(others) if others else None

    def shortest_s(self, cell: Cell) -> float | None:
        """The least that a job of this cell took; None where none is known."""
        return min(self._of_cell[cell]) if cell in self._of_cell else None

    def longest_first(self, cells: Sequence[Cell]) -> list[int]:
        """For each job, given by its cell, when its turn comes: before those whose devices have less work left.

        Of one device jobs keep their order. Where nothing is known of a cell, each of its jobs counts as a second.
        """
        left_s: defaultdict[str, float] = defaultdict(float)
        rank: list[tuple[float, int]] = []
        for place, cell in reversed(list(enumerate(cells))):
            left_s[cell.device] += self.usual_s(cell) or 1.0
            rank.append((-left_s[cell.device], place))
        order = [place for _, place in sorted(rank)]
        return sorted(range(len(order)), key=order.__getitem__)

    def known(self) -> dict[Cell, tuple[float, ...]]:
        """All of it, to be handed on."""
        return {cell: tuple(seconds) for cell, seconds in self._of_cell.items()}
