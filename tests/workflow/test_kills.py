"""SIGKILL at every transition of the journal, each time followed by another process that goes on."""

import random
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.domain.device import DeviceSelector
from orchestrator.domain.journal import JobState, RunEntry
from orchestrator.domain.run import RunState

Dying = Callable[[Any, RunEntry, int, str], int]
ONE_JOB = {"repeats": 1, "devices": (DeviceSelector(name="host-cpu-1t"),)}


def check_books(world: Any, hub: Any, entry: RunEntry, jobs: int) -> None:
    """Everything once: no job twice, no result lost, no run of ours left open on the hub."""
    report = world.carry_on(entry)
    assert report.run.state is RunState.COMPLETED
    assert report.counts["measured"] == jobs
    assert len(hub.jobs()) == len(world.devices.orders) == jobs
    tagged = [run for run in hub.runs() if hub.tags(run["id"])]
    finished = [run for run in tagged if run["status"] == "FINISHED"]
    assert {run["id"] for run in finished} == {job.hub_run_id for job in report.jobs}
    for job in report.jobs:
        assert hub.metrics(job.hub_run_id)["latency_ms"] == 12.5
        assert Counter(hub.artifacts(job.hub_run_id).values())["UPLOADED"] >= 2


@pytest.mark.parametrize(("number", "moment"), [(1, "after"), (2, "before")])
def test_killed_at_every_transition_in_turn(world: Any, hub: Any, dying: Dying, number: int, moment: str) -> None:
    """Each process is killed at its first write (or the second's effect); where that led nowhere new, one later."""
    entry = world.begin(**ONE_JOB)
    seen, at = [JobState.PLANNED], number
    while dying(world, entry, at, moment) == -signal.SIGKILL:
        seen.append(world.journalled(entry)[0].state)
        at = at + 1 if seen[-1] is seen[-2] else number
        assert len(seen) < 60
    # killed before it is written that a job was submitted, the next process finds that job by its results
    missed = {JobState.DONE, JobState.CONCLUDED} | ({JobState.SUBMITTED} if moment == "before" else set())
    assert set(seen) >= set(JobState) - missed
    check_books(world, hub, entry, 1)


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_random_transitions_of_a_whole_run(world: Any, hub: Any, dying: Dying, seed: int) -> None:
    dice = random.Random(seed)
    entry = world.begin()
    kills = sum(
        dying(world, entry, dice.randint(1, 12), dice.choice(["before", "after"])) == -signal.SIGKILL for _ in range(4)
    )
    assert kills == 4
    check_books(world, hub, entry, 4)


def test_a_run_that_has_ended_is_driven_no_further(world: Any, hub: Any) -> None:
    entry = world.begin(**ONE_JOB)
    first = world.carry_on(entry)
    second = world.carry_on(entry)
    assert second.jobs == first.jobs
    assert len(hub.jobs()) == len(hub.runs()) == 1
