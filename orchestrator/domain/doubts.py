"""Reasons to doubt the numbers of several jobs, told once each."""

import re
from collections import defaultdict
from collections.abc import Iterable

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def gather_doubts(by_job: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Doubts that differ in nothing but their numbers are one: the worst, and how many of the jobs have it."""
    jobs = [set(doubts) for doubts in by_job]
    alike: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for doubts in jobs:
        worst = {_NUMBER.sub("#", doubt): (_first_number(doubt), doubt) for doubt in sorted(doubts, key=_first_number)}
        for shape, found in worst.items():
            alike[shape].append(found)
    return tuple(_told(alike[shape], len(jobs)) for shape in sorted(alike))


def _told(found: list[tuple[float, str]], jobs: int) -> str:
    _, worst = max(found)
    return worst if jobs == 1 else f"{worst} ({len(found)} of {jobs} jobs)"


def _first_number(text: str) -> float:
    found = _NUMBER.search(text)
    return float(found[0]) if found else 0.0
