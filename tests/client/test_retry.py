import asyncio
import random
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.client.retry import (
    LONGEST_PAUSE_S,
    LONGEST_WAIT_S,
    WIDEST_SPACING_S,
    Gate,
    Patience,
    Repeat,
    Retrier,
    Waiting,
)
from orchestrator.errors import AnswerLost, CloudError, KeyRefused, Misbehaving, Overloaded, Refused, Unreachable

FAULTS = [
    Unreachable("x"),
    AnswerLost("x"),
    Misbehaving("x"),
    Overloaded("x", status=500),
    Overloaded("x", status=429),
]


def persist(fake_time, outcomes, *, gate=None, after=Repeat.ALWAYS.value, deadline_s=100.0, **patience):
    """What comes of the outcomes, one a try; and the seconds that each try was left."""
    waiting = fake_time.waiting
    retrier = Retrier(waiting=waiting, gate=gate or Gate(waiting))
    left = []

    async def once(left_s: float) -> str:
        left.append(left_s)
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def main():
        return await retrier.persist(once, Patience(after=after, deadline_s=deadline_s, **patience), name="a call")

    try:
        return asyncio.run(main()), left
    except CloudError as error:
        return error, left


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_what_is_safe_is_tried_again(fake_time, fault) -> None:
    assert persist(fake_time, [fault, fault, "done"])[0] == "done"


@pytest.mark.parametrize(
    "fault", [AnswerLost("x"), Misbehaving("x"), KeyRefused("x"), Refused("x", status=400)], ids=repr
)
def test_what_may_have_happened_is_not(fake_time, fault) -> None:
    found, left = persist(fake_time, [fault, "never"], after=Repeat.IF_NOT_DONE.value)
    assert found is fault
    assert len(left) == 1


def test_a_kind_can_be_excepted(fake_time) -> None:
    class Hopeless(AnswerLost):
        pass

    found, left = persist(fake_time, [AnswerLost("x"), Hopeless("x"), "never"], never=(Hopeless,))
    assert isinstance(found, Hopeless)
    assert len(left) == 2


def test_tries_can_be_bounded(fake_time) -> None:
    found, left = persist(fake_time, [AnswerLost("x")] * 9, most_tries=3, deadline_s=1e6)
    assert isinstance(found, AnswerLost)
    assert len(left) == 3


def test_waits_double_up_to_a_bound(fake_time) -> None:
    persist(fake_time, [Unreachable("x")] * 9 + ["done"], deadline_s=1000)
    assert fake_time.slept == [0.5, 1, 2, 4, 8, 16, LONGEST_WAIT_S, LONGEST_WAIT_S, LONGEST_WAIT_S]


def test_jitter_is_a_fraction_of_the_whole_wait(fake_time) -> None:
    waiting = Waiting(clock=lambda: fake_time.now, sleep=fake_time.sleep, fraction=random.Random(1).random)
    retrier = Retrier(waiting=waiting, gate=Gate(waiting))
    outcomes = [Unreachable("x")] * 200

    async def once(left_s: float) -> str:
        if outcomes:
            raise outcomes.pop()
        return "done"

    asyncio.run(retrier.persist(once, Patience(after=Repeat.ALWAYS.value, deadline_s=1e9), name="a call"))
    late = fake_time.slept[10:]
    assert min(late) < 0.1 * LONGEST_WAIT_S
    assert 0.9 * LONGEST_WAIT_S < max(late) <= LONGEST_WAIT_S


@given(
    faults=st.lists(st.sampled_from(FAULTS), max_size=60),
    deadline_s=st.floats(0.1, 500),
    retry_after_s=st.one_of(st.none(), st.floats(0, 1e9)),
)
def test_the_deadline_holds_whatever_happens(faults, deadline_s, retry_after_s) -> None:
    from types import SimpleNamespace  # a clock of its own for each example

    clock = SimpleNamespace(now=0.0)

    async def sleep(seconds: float) -> None:
        clock.now += seconds

    waiting = Waiting(clock=lambda: clock.now, sleep=sleep, fraction=lambda: 1.0)
    told = [Overloaded("x", status=503, retry_after_s=retry_after_s), *faults]
    found, left = persist(SimpleNamespace(waiting=waiting), [*told, "done"], deadline_s=deadline_s)
    assert clock.now <= deadline_s
    assert found == "done" or isinstance(found, CloudError)
    assert left == sorted(left, reverse=True)


@pytest.mark.parametrize(("status", "asked_s", "waited_s"), [(429, 7.0, 7.0), (503, 3.0, 3.0), (503, 0.1, 0.5)])
def test_retry_after_is_the_least_wait(fake_time, status, asked_s, waited_s) -> None:
    persist(fake_time, [Overloaded("x", status=status, retry_after_s=asked_s), "done"])
    assert sum(fake_time.slept) == pytest.approx(waited_s, abs=0.06)


def test_a_retry_after_beyond_the_deadline_ends_the_call_at_once(fake_time) -> None:
    error = Overloaded("x", status=429, retry_after_s=3600)
    assert persist(fake_time, [error, "never"])[0] is error
    assert fake_time.slept == []


def test_a_429_holds_every_other_call_back(fake_time) -> None:
    gate = Gate(fake_time.waiting)
    persist(fake_time, [Overloaded("x", status=429, retry_after_s=3600)], gate=gate)
    found, left = persist(fake_time, ["never"], gate=gate)
    assert isinstance(found, Overloaded)
    assert left == [], "nothing was sent while the cloud rests"
    fake_time.now += LONGEST_PAUSE_S
    assert persist(fake_time, ["done"], gate=gate)[0] == "done"


def test_other_faults_hold_nobody_back(fake_time) -> None:
    gate = Gate(fake_time.waiting)
    persist(fake_time, [Overloaded("x", status=503, retry_after_s=3600)], gate=gate)
    assert persist(fake_time, ["done"], gate=gate)[0] == "done"


def test_after_a_429_calls_come_apart_and_then_closer_again(fake_time) -> None:
    gate = Gate(fake_time.waiting)
    times: list[float] = []

    async def call() -> None:
        assert await gate.enter(fake_time.now + 1000)
        times.append(fake_time.now)

    async def burst() -> list[float]:
        times.clear()
        for _ in range(5):
            await call()
        return [late - early for early, late in pairwise(times)]

    assert asyncio.run(burst()) == [0, 0, 0, 0]
    gate.close(5)
    gate.close(5)
    assert asyncio.run(burst()) == pytest.approx([0.1] * 4)
    for _ in range(100):
        gate.close(0)
    assert asyncio.run(burst()) == pytest.approx([WIDEST_SPACING_S] * 4)
    for _ in range(100):
        gate.ease()
    fake_time.now += WIDEST_SPACING_S
    assert asyncio.run(burst()) == [0, 0, 0, 0]


def test_callers_waiting_at_the_gate_go_one_by_one(fake_time) -> None:
    gate = Gate(fake_time.waiting)
    gate.close(10)
    times = []

    async def call() -> None:
        assert await gate.enter(fake_time.now + 1000)
        times.append(fake_time.now)

    async def main() -> None:
        await asyncio.gather(*(call() for _ in range(6)))

    asyncio.run(main())
    assert len(set(times)) == 6
    assert min(times) >= 1010


def test_a_cloud_that_gives_no_answer_for_a_while_is_told_of_once_and_so_is_its_return(fake_time, caplog) -> None:
    gate = Gate(fake_time.waiting)

    def told() -> list[str]:
        found = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        caplog.clear()
        return found

    persist(fake_time, [Unreachable("x"), "done"], gate=gate)
    assert told() == [], "a single slip is nobody's business"
    persist(fake_time, [Unreachable("no way there")] * 40, gate=gate, deadline_s=60)
    persist(fake_time, [Unreachable("no way there")] * 40, gate=gate, deadline_s=60)
    (gone,) = told()
    assert re.fullmatch(r"no good answer for \d+ s, trying on: no way there", gone)
    persist(fake_time, ["done"], gate=gate)
    persist(fake_time, ["done"], gate=gate)
    assert told() == ["there are answers again"]
    persist(fake_time, [Unreachable("gone again")] * 40, gate=gate, deadline_s=60)
    assert len(told()) == 1
