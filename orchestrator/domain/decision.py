"""Three outcomes from the sessions of a cell: fail, pass, or not decided.

Fail: two sessions, each on its own, are worse by the tolerance and beyond the noise, and so are all together. Pass: the
tolerance is ruled out, not merely not reached. Functions take arrays with the sessions on the last axis, so that one
cell and ten thousand simulated ones go through the same lines. All numbers are logarithms.
"""

import math
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from orchestrator.domain.noise import Logs
from orchestrator.domain.t_distribution import t_critical

ALPHA = 0.05  # of one side, for one session
CONFIRMED_BY = 2
FEW_CELLS = 5  # with more, what all sessions show together must be surer, so that a gate of many stays quiet
MEDIAN_VARIANCE = math.pi / 2  # of a median, relative to that of a mean


class Decision(IntEnum):
    """What the sessions amount to."""

    UNDECIDED = -1
    PASS = 0
    FAIL = 1


@dataclass(frozen=True, kw_only=True)
class Band:
    """What unchanged sessions look like: their centre, the spread of one, and how surely both are known.

    `centre_variance` is that of the centre in units of a session's variance; `df` are the spread's degrees of freedom.
    """

    centre: Logs
    spread: Logs
    df: int
    centre_variance: float

    def around(self, numbers: Logs) -> "Band":
        """The same spread around the median of other sessions: (..., sessions)."""
        centre = np.asarray(np.median(numbers, axis=-1))
        return replace(self, centre=centre, centre_variance=MEDIAN_VARIANCE / numbers.shape[-1])

    def half_width(self, sessions: float = 1, alpha: float = ALPHA) -> Logs:
        """How far the mean of so many independent sessions may lie from the centre by chance, at alpha (one-sided)."""
        error = self.spread * math.sqrt(1 / sessions + self.centre_variance)
        return np.asarray(t_critical(self.df, alpha) * error, dtype=np.float64)

    @property
    def sensitivity(self) -> float:
        """The smallest change that one session could show, as a fraction."""
        return math.expm1(float(self.half_width()))


def suspicious(worse: Logs, band: Band, tolerance: float | Logs) -> NDArray[np.bool_]:
    """Which sessions, on their own, are worse by the tolerance and beyond the noise."""
    limit = np.maximum(np.asarray(tolerance), band.half_width())
    return np.asarray((worse >= np.asarray(tolerance)[..., None]) & (worse >= limit[..., None]))


def decide(
    worse: Logs, band: Band, tolerance: float | Logs, *, independent: float = 1, cells: int = 1
) -> NDArray[np.int8]:
    """A Decision for each row of sessions; `worse` is by how much each is worse than the band's centre.

    `independent`: how many of them count as independent of each other when they are averaged. `cells`: how many are
    judged together.
    """
    mean = worse.mean(axis=-1)
    is_confirmed = suspicious(worse, band, tolerance).sum(axis=-1) >= CONFIRMED_BY
    is_beyond_chance = mean > band.half_width(independent, joint_alpha(cells))
    failed = is_confirmed & is_beyond_chance & (mean >= tolerance)
    passed = mean + band.half_width(independent) < tolerance
    undecided = np.where(passed, Decision.PASS, Decision.UNDECIDED)
    return np.asarray(np.where(failed, Decision.FAIL, undecided), dtype=np.int8)


def joint_alpha(cells: int) -> float:
    """How rarely chance may reach what all sessions of a cell show together, one-sided, when so many cells are judged.

    Confirmation guards a few cells by itself. It does not guard many, because sessions of one run share a day that
    may be slow: the square is what kept gates of 10, 20 and 50 unchanged cells at one false failure in twenty
    (benchmarks/gate_simulation.py).
    """
    return ALPHA * min(1.0, (FEW_CELLS / cells) ** 2)
