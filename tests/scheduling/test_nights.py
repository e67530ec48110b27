"""APScheduler's clock under ours: nights go by, the clocks change, files change, and nothing stops it but a stop."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, tzinfo
from typing import Any

import apscheduler.executors.base
import apscheduler.schedulers.base
import pytest

from orchestrator.errors import UsageError
from orchestrator.scheduling.nights import Nights

HOUR = timedelta(hours=1)


@pytest.fixture
def at(world: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the clock that APScheduler and the plans see."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return world.now.astimezone(tz)

    for module in (apscheduler.schedulers.base, apscheduler.executors.base):
        monkeypatch.setattr(module, "datetime", Clock)

    def put(text: str) -> None:
        world.now = datetime.fromisoformat(text)

    return put


@asynccontextmanager
async def kept(world: Any, bugs: list[str]) -> Any:
    """The scheduler at work; what it looks at is looked at often, so that a set clock is noticed."""
    stop = asyncio.Event()
    nights = Nights(
        duties={world.path: world.duty()},
        report_bug=lambda plan, error: bugs.append(f"{plan}: {error}"),
        look_every_s=0.01,
    )
    keeping = asyncio.create_task(nights.keep(stop))
    try:
        yield nights
    finally:
        stop.set()
        await asyncio.wait_for(keeping, 10)


async def until(holds: Callable[[], bool]) -> None:
    """Waits, with a bound, for what another task does."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)
    for _ in range(10):  # whoever made it so comes to its end
        await asyncio.sleep(0)


async def started(world: Any) -> None:
    """Waits until the scheduler has looked whether something is due from the start."""
    await until(lambda: any("nothing is due" in line for line in world.log))


def logged(world: Any, words: str) -> Callable[[], bool]:
    """Whether a line of the log has these words."""
    return lambda: any(words in line for line in world.log)


@pytest.mark.parametrize(
    ("start", "instants"),
    [
        ("2026-03-27T12:00Z", ["03-28 01:30", "03-29 01:00", "03-30 00:30", "03-31 00:30"]),
        ("2026-10-23T12:00Z", ["10-24 00:30", "10-25 00:30", "10-26 01:30", "10-27 01:30"]),
    ],
)
def test_nights_go_by_over_a_change_of_the_clocks(
    world: Any, at: Callable[[str], None], start: str, instants: list[str]
) -> None:
    async def scenario() -> None:
        at(start)
        async with kept(world, []):
            await started(world)
            for count, instant in enumerate(instants, 1):
                at(f"2026-{instant.replace(' ', 'T')}Z")
                await until(lambda count=count: len(world.done) == count)  # type: ignore[misc]
                world.now += HOUR  # the hour that comes twice in autumn
                await asyncio.sleep(0.05)

    asyncio.run(scenario())
    assert world.done == instants


def test_a_computer_that_slept_too_long_says_what_was_missed(world: Any, at: Callable[[str], None]) -> None:
    async def scenario() -> None:
        async with kept(world, []):
            await started(world)
            at("2026-11-27T02:31Z")
            await until(logged(world, "2026-11-27 02:30 CET was missed, longer ago than the grace of 1 h"))
            at("2026-11-28T02:29Z")
            await until(lambda: world.done == ["11-28 01:30"])

    asyncio.run(scenario())


def test_a_run_that_fails_stops_nothing(world: Any, at: Callable[[str], None]) -> None:
    bugs: list[str] = []

    async def scenario() -> None:
        async with kept(world, bugs):
            await started(world)
            world.crash = RuntimeError("unforeseen")
            at("2026-11-27T01:30Z")
            await until(lambda: bool(bugs))
            world.crash = UsageError("the database is away")
            at("2026-11-28T01:30Z")
            await until(logged(world, "error: the database is away"))
            world.crash = None
            at("2026-11-28T01:40Z")
            await until(lambda: world.done == ["11-28 01:30"])

    asyncio.run(scenario())
    assert bugs == ["plan.yaml: unforeseen"]


def test_a_run_that_could_not_begin_is_tried_again_within_the_grace(world: Any, at: Callable[[str], None]) -> None:
    async def scenario() -> None:
        world.cloud_is_away = True
        async with kept(world, []):
            await started(world)
            for minutes in range(30, 90, 10):
                at(f"2026-11-27T{1 + minutes // 60:02}:{minutes % 60:02}Z")
                tries = (minutes - 30) // 10 + 1
                await until(lambda tries=tries: count(world, "could not begin; tried again in 10 min") == tries)  # type: ignore[misc]
            world.cloud_is_away = False
            at("2026-11-27T02:30Z")
            await until(lambda: world.done == ["11-27 01:30"])
            at("2026-11-27T03:00Z")
            at("2026-11-28T01:30Z")
            await until(lambda: world.done[1:] == ["11-28 01:30"])

    asyncio.run(scenario())
    assert count(world, "starting for") == 8


def count(world: Any, words: str) -> int:
    """How many lines of the log have these words."""
    return sum(words in line for line in world.log)


def test_a_time_that_comes_while_a_run_still_goes_on_is_left_out(world: Any, at: Callable[[str], None]) -> None:
    async def scenario() -> None:
        goes_on = asyncio.Event()
        world.while_running = goes_on.wait
        async with kept(world, []):
            await started(world)
            at("2026-11-27T01:30Z")
            await until(logged(world, "starting for 2026-11-27"))
            at("2026-11-28T01:30Z")
            await until(logged(world, "still runs; 2026-11-28 02:30 CET is left out"))
            goes_on.set()
            await until(lambda: world.done == ["11-27 01:30"])

    asyncio.run(scenario())


def test_a_stop_waits_for_the_run_that_is_under_way(world: Any, at: Callable[[str], None]) -> None:
    async def scenario() -> None:
        goes_on = asyncio.Event()
        world.while_running = goes_on.wait
        at("2026-11-27T01:30Z")
        async with kept(world, []):
            await until(logged(world, "starting for"))
            asyncio.get_running_loop().call_later(0.05, goes_on.set)

    asyncio.run(scenario())
    assert world.done == ["11-27 01:30"]


def test_a_changed_file_is_read_anew_and_a_schedule_taken_away_is_obeyed(world: Any, at: Callable[[str], None]) -> None:
    text = world.path.read_text()

    async def scenario() -> None:
        async with kept(world, []):
            await started(world)
            world.path.write_text(text.replace("30 2", "45 1"))
            await until(logged(world, "has a new schedule; next 2026-11-27 01:45 CET"))
            at("2026-11-27T00:45Z")
            await until(lambda: world.done == ["11-27 00:45"])
            world.path.write_text(text.replace("30 2", "61 1"))
            await until(logged(world, "its last good text is used: "))
            at("2026-11-28T00:45Z")
            await until(lambda: world.done[1:] == ["11-28 00:45"])
            world.path.write_text(text.split("schedule")[0])
            await until(logged(world, "is not run until this is put right"))
            at("2026-11-29T00:45Z")
            world.path.write_text(text)
            await until(logged(world, "has a new schedule; next 2026-11-29 02:30 CET"))

    asyncio.run(scenario())
    assert len(world.done) == 2
