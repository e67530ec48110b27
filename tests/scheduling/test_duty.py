"""What is due for a plan, and in which order it is done."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.errors import PlanError
from orchestrator.scheduling.duty import Unfinished

DUE = datetime(2026, 11, 27, 1, 30, tzinfo=UTC)


def fulfil(world: Any, **options: Any) -> int:
    return int(asyncio.run(world.duty(**options).fulfil()).code)


@pytest.mark.parametrize(
    ("minutes", "done"), [(-1, []), (0, ["11-27 01:30"]), (60, ["11-27 01:30"]), (61, []), (24 * 60, ["11-28 01:30"])]
)
def test_a_missed_time_is_run_within_the_grace(world: Any, minutes: int, done: list[str]) -> None:
    world.now = DUE + timedelta(minutes=minutes)
    assert fulfil(world) == 0
    assert world.done == done
    assert any("nothing is due; next 2026-11-2" in line for line in world.log) == (not done)


def test_many_missed_times_are_run_once(world: Any) -> None:
    world.path.write_text(world.path.read_text().replace("30 2 * * *", "*/5 * * * *"))
    world.now = DUE + timedelta(minutes=3)
    fulfil(world, grace=timedelta(days=2))
    fulfil(world, grace=timedelta(days=2))
    assert world.done == ["11-27 01:30"]


def test_an_interrupted_run_goes_first_and_the_worse_code_counts(world: Any) -> None:
    world.now, world.code = DUE, 11
    world.unfinished = Unfinished(run_id="begun")
    assert fulfil(world) == 11
    assert world.done == ["begun", "11-27 01:30"]


def test_a_run_that_is_worked_on_is_neither_gone_on_with_nor_doubled(world: Any) -> None:
    world.now = DUE
    world.unfinished = Unfinished(run_id="begun", is_busy=True)
    assert fulfil(world) == 0
    assert world.done == []
    assert "run begun; 2026-11-27 02:30 CET is left out" in world.log[0]


def test_a_broken_plan_is_read_as_it_last_was_good(world: Any) -> None:
    world.now = DUE - timedelta(hours=1)
    fulfil(world)
    world.path.write_text("version: 1\nname: night\nmodles: []\n")
    world.now = DUE
    fulfil(world)
    assert world.done == ["11-27 01:30"]
    assert any("its last good text is used" in line and "plan.yaml:3:1" in line for line in world.log)


@pytest.mark.parametrize("text", ["name: [", None])
def test_a_plan_that_never_was_good_is_an_error_with_its_place(world: Any, text: str | None) -> None:
    world.path.write_text(text or world.path.read_text().split("schedule")[0])
    with pytest.raises(PlanError, match=r"plan\.yaml.*" + ("" if text else "no 'schedule'")):
        fulfil(world)
