"""Doubts that differ only in their numbers are told once: the worst, with the number of jobs."""

import pytest

from orchestrator.domain.doubts import gather_doubts


@pytest.mark.parametrize(
    ("by_job", "told"),
    [
        ([], ()),
        ([[], []], ()),
        ([["busy 5% of the time"]], ("busy 5% of the time",)),
        ([["busy 5%"], ["busy 40.5%"], []], ("busy 40.5% (2 of 3 jobs)",)),
        ([["busy 9%", "busy 10%"], ["busy 2%"]], ("busy 10% (2 of 2 jobs)",)),
        ([["b", "a"], ["a"]], ("a (2 of 2 jobs)", "b (1 of 2 jobs)")),
    ],
)
def test_each_once_with_its_worst(by_job: list[list[str]], told: tuple[str, ...]) -> None:
    assert gather_doubts(by_job) == told
