"""Whose turn it is: never more than the limits allow, every device busy first, nobody left out."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.cell import Cell
from orchestrator.domain.durations import Durations
from orchestrator.domain.job import JobKey
from orchestrator.domain.journal import JobEntry, JobState
from orchestrator.domain.plan import Limits
from orchestrator.workflow.turns import Turns


def job(device: str, repeat: int = 1, state: JobState = JobState.PLANNED) -> JobEntry:
    return JobEntry(run_id="r", key=JobKey(cell=Cell(model="m", device=device), repeat=repeat), state=state)


def order(turns: Turns, jobs: list[JobEntry]) -> list[str]:
    """Who gets in, one after the other, where each leaves before the next may enter."""
    found: list[str] = []

    async def go(one: JobEntry) -> None:
        await turns.enter(one)
        found.append(f"{one.key.cell.device}{one.key.repeat}")
        await asyncio.sleep(0)
        turns.leave(one)

    async def all_of_them() -> None:
        await asyncio.gather(*map(go, jobs))

    asyncio.run(all_of_them())
    return found


def test_the_device_with_most_left_goes_first_and_a_devices_jobs_keep_their_order() -> None:
    known = Durations({Cell(model="m", device=device): (seconds,) for device, seconds in (("a", 1.0), ("b", 5.0))})
    jobs = [job("a", 1), job("b", 1), job("a", 2), job("b", 2), job("a", 3)]
    assert order(Turns(Limits(in_flight=1), jobs, known), jobs) == ["a1", "b1", "b2", "a2", "a3"]


def test_where_nothing_is_known_the_device_with_most_jobs_goes_first() -> None:
    jobs = [job("a", 1), job("b", 1), job("b", 2), job("a", 2), job("b", 3)]
    assert order(Turns(Limits(in_flight=1), jobs, Durations()), jobs) == ["a1", "b1", "b2", "a2", "b3"]


@pytest.mark.parametrize("state", [JobState.UPLOADED, JobState.SUBMITTED])
def test_what_is_ready_or_there_already_goes_first(state: JobState) -> None:
    jobs = [job("a", 1), job("b", 1), job("b", 2), job("c", 1, state)]
    assert order(Turns(Limits(in_flight=1), jobs, Durations()), jobs) == ["a1", "c1", "b1", "b2"]


def test_every_device_is_busy_before_any_has_one_waiting() -> None:
    async def admitted() -> list[bool]:
        before, jobs = [job("z", number) for number in (1, 2, 3)], [job("a", 1), job("a", 2), job("b", 1), job("c", 1)]
        turns = Turns(Limits(in_flight=3, per_device=3), [*before, *jobs], Durations())
        for one in before:
            await turns.enter(one)
        waiting = [asyncio.ensure_future(turns.enter(one)) for one in jobs]
        await asyncio.sleep(0)
        for one in before:
            turns.leave(one)
        await asyncio.sleep(0)
        done = [task.done() for task in waiting]
        waiting[1].cancel()
        return done

    assert asyncio.run(admitted()) == [True, False, True, True]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3), st.booleans()), min_size=1, max_size=30),
    st.integers(1, 5),
    st.integers(1, 3),
)
def test_no_limit_is_ever_exceeded_and_everybody_gets_a_turn(
    wanted: list[tuple[str, int, bool]], in_flight: int, per_device: int
) -> None:
    async def check() -> None:
        jobs = [job(device, number) for number, (device, _, _) in enumerate(wanted)]
        turns = Turns(Limits(in_flight=in_flight, per_device=per_device), jobs, Durations())
        there: Counter[str] = Counter()
        came: list[int] = []

        async def go(one: JobEntry, seconds: int) -> None:
            device = one.key.cell.device
            await turns.enter(one)
            there[device] += 1
            came.append(one.key.repeat)
            try:
                assert there.total() <= in_flight
                assert there[device] <= per_device
                for _ in range(seconds):
                    await asyncio.sleep(0)
            finally:
                there[device] -= 1
                turns.leave(one)

        tasks = [asyncio.ensure_future(go(one, seconds)) for one, (_, seconds, _) in zip(jobs, wanted, strict=True)]
        await asyncio.sleep(0)
        leaving = [task for task, (_, _, is_leaving) in zip(tasks, wanted, strict=True) if is_leaving]
        given_up = [task for task in leaving if not task.done() and task.cancel()]
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), timeout=30)
        assert [result for result in results if result and not isinstance(result, asyncio.CancelledError)] == []
        assert len(came) >= len(jobs) - len(given_up)

    asyncio.run(check())
