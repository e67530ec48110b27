"""The gate's rules as shipped, over many simulated cells at once, and the rules that others judge by.

Every rule takes a Farm and answers for each of its trials. Ours come from `orchestrator.domain`; what is written here
is only the order in which sessions are added. The others are their documented rules on the means of jobs or on their
iterations, each at its usual setting.
"""

import math

import numpy as np
from gate_worlds import Farm, Logs
from numpy.typing import NDArray
from scipy import stats

from orchestrator.domain.control_rule import band_of_pairs
from orchestrator.domain.decision import Band, Decision, decide
from orchestrator.domain.history_rule import choose_median, history_band, session_numbers

TOLERANCE = 0.05

Hits = NDArray[np.bool_]
Decisions = NDArray[np.int8]


def by_history(farm: Farm, *, independent: bool = False, cells: int = 1, tolerance: float = TOLERANCE) -> Decisions:
    """HISTORY with further sessions while it is undecided."""
    worse, band = _against_history(farm)
    return in_turn(worse, band, independent=independent, cells=cells, tolerance=tolerance)


def by_control(farm: Farm, pairs: Farm) -> Decisions:
    """CONTROL, with the spread of pairs of equals: the sessions of `pairs`, now and control."""
    worse, band = _against_control(farm, pairs)
    return in_turn(worse, band, independent=True)


def by_auto(farm: Farm, pairs: Farm) -> Decisions:
    """HISTORY, and where it is open CONTROL over the further sessions, which have the old model beside them.

    As in `beside_rule`, it does not pass what all sessions together show against the past.
    """
    (worse, band), (beside, control_band) = _against_history(farm), _against_control(farm, pairs)
    tolerance = math.log1p(TOLERANCE)
    decisions = np.full(len(worse), int(Decision.UNDECIDED), dtype=np.int8)
    for count in range(1, worse.shape[-1] + 1):
        found = decide(worse[:, :count], band, tolerance)
        if count > 1:
            control = decide(beside[:, 1:count], control_band, tolerance, independent=count - 1)
            contradicts = (control == Decision.PASS) & (worse[:, :count].mean(axis=-1) >= tolerance)
            found = np.where((found == Decision.UNDECIDED) & ~contradicts, control, found)
        decisions = np.where(decisions == Decision.UNDECIDED, found, decisions)
    return decisions


def _against_history(farm: Farm) -> tuple[Logs, Band]:
    past = np.median(farm.past, axis=-1)
    is_median = choose_median(past)
    band = history_band(session_numbers(past, is_median))
    return session_numbers(np.median(farm.now, axis=-1), is_median) - band.centre[:, None], band


def _against_control(farm: Farm, pairs: Farm) -> tuple[Logs, Band]:
    best = [np.median(side, axis=-1).min(axis=-1) for side in (farm.now, farm.control, pairs.now, pairs.control)]
    return best[0] - best[1], band_of_pairs(best[2] - best[3])


def in_turn(worse: Logs, band: Band, *, independent: bool, cells: int = 1, tolerance: float = TOLERANCE) -> Decisions:
    """The first decision as sessions are added one by one, each trial for itself."""
    decisions = np.full(len(worse), int(Decision.UNDECIDED), dtype=np.int8)
    for count in range(1, worse.shape[-1] + 1):
        found = decide(
            worse[:, :count], band, math.log1p(tolerance), independent=count if independent else 1, cells=cells
        )
        decisions = np.where(decisions == Decision.UNDECIDED, found, decisions)
    return decisions


def by_ratio(farm: Farm) -> Hits:
    """The mean is more than 5 % above the last run's (github-action-benchmark, pytest-benchmark, asv)."""
    return _mean(farm.now[:, 0]) / _mean(farm.past[:, -1]) > 1 + TOLERANCE


def by_mann_whitney(farm: Farm) -> Hits:
    """All iterations against all of the last run's, as if they were independent (benchstat, Criterion): p < 0.05."""
    now, last = (side.reshape(len(side), -1) for side in (farm.now[:, 0], farm.past[:, -1]))
    found = stats.mannwhitneyu(now, last, alternative="greater", method="asymptotic", axis=1)
    return np.asarray(found.pvalue < 0.05)


def by_bencher(farm: Farm) -> Hits:
    """Bencher's t test with an upper boundary of 0.99 over the past runs' means."""
    past = _mean(farm.past)
    count = past.shape[-1]
    margin = stats.t.ppf(0.99, count - 1) * past.std(axis=-1, ddof=1) * math.sqrt(1 + 1 / count)
    return _mean(farm.now[:, 0]) > past.mean(axis=-1) + margin


def by_z(farm: Farm) -> Hits:
    """Conbench's z score over the past runs' means, with its threshold of 5."""
    past = _mean(farm.past)
    return (_mean(farm.now[:, 0]) - past.mean(axis=-1)) / past.std(axis=-1, ddof=1) > 5


OTHERS = {
    "ratio to the last run > 5 %": by_ratio,
    "Mann-Whitney over iterations, p < 0.05": by_mann_whitney,
    "Bencher's t test, 0.99": by_bencher,
    "z > 5 (Conbench)": by_z,
}


def _mean(jobs: Logs) -> Logs:
    """Of all iterations of all jobs, in time: (..., jobs, iterations) -> (...)."""
    return np.asarray(np.exp(jobs).mean(axis=(-1, -2)))
