"""Gates over several runs: a baseline that grows, further sessions where they decide, and changes that are wanted."""

import asyncio
import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.device import DeviceSelector
from orchestrator.domain.event import SessionsAdded
from orchestrator.domain.plan import BaselinePolicy, GateRule, Gating
from orchestrator.errors import UsageError
from orchestrator.history.journal import Journal, open_journal
from orchestrator.workflow.evidence import check_pinned
from orchestrator.workflow.reports import compared, judge_again, read_report

RULE = GateRule(metric="latency_p50_ms", max_regression=0.05)
PLAN = {"gates": (RULE,), "repeats": 3, "devices": (DeviceSelector(name="host-cpu-1t"),)}


NIGHTS = 9  # before a gate of these tests decides


@pytest.fixture
def device(world: Any, result_bytes: Any, profile_bytes: Any) -> Callable[[float], None]:
    """The world's device as one of a known speed that scatters by one percent; call it with the speed."""
    return device_of(world, result_bytes, profile_bytes)


def device_of(world: Any, result_bytes: Any, profile_bytes: Any) -> Callable[[float], None]:
    dice = random.Random(1)

    def runs_at(latency_ms: float) -> None:
        def answer(number: int, order: Any) -> dict[str, bytes]:
            value = round(latency_ms * (1 + abs(dice.gauss(0, 0.01))), 5)
            clock = dict.fromkeys(("mean", "p50", "p90", "p95", "min", "max"), value) | {"n": 60, "std": 0.0}
            result = result_bytes(samples_ms=[value] * 60, wall_clock=clock)
            return {"onnxruntime-result.json": result, "onnxruntime-profile.json": profile_bytes(round(9 * value))}

        world.devices.answer = answer

    return runs_at


def ask(world: Any, question: Callable[[Journal], Any]) -> Any:
    async def inside() -> Any:
        async with open_journal(world.database_url) as journal:
            return await question(journal)

    return asyncio.run(inside())


@pytest.fixture(scope="module")
def past_nights(
    make_world: Any, result_bytes: Any, profile_bytes: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The history database after so many unchanged nights at 10 ms."""
    with make_world(tmp_path_factory.mktemp("past")) as world:
        device_of(world, result_bytes, profile_bytes)(10.0)
        nights(world, NIGHTS)
        return Path(world.database_url.removeprefix("sqlite+aiosqlite:///"))


@pytest.fixture
def past(world: Any, device: Any, past_nights: Path) -> None:
    """The world has a past of unchanged nights."""
    database = Path(world.database_url.removeprefix("sqlite+aiosqlite:///"))
    database.parent.mkdir(parents=True, exist_ok=True)
    for file in past_nights.parent.glob(f"{past_nights.name}*"):  # with what SQLite has not yet folded in
        shutil.copy(file, database.parent)
    device(10.0)


def nights(world: Any, count: int) -> None:
    for _ in range(count):
        world.run(**PLAN)


def test_the_first_night_of_a_cell_only_warns(world: Any, device: Any) -> None:
    device(10.0)
    first = world.run(**PLAN)
    assert [(gate.verdict, gate.cause) for gate in first.gates if gate.metric == "latency_p50_ms"] == [
        ("warn", "no_baseline")
    ]


def test_a_baseline_that_has_grown_decides(world: Any, past: None) -> None:
    same = world.run(**PLAN)
    gate = next(gate for gate in same.gates if gate.rule.startswith("at most"))
    assert (gate.verdict, same.run.exit_code) == ("pass", 0), gate.reason
    assert gate.baseline == pytest.approx(10.0, rel=0.02)
    assert gate.baseline_sessions == NIGHTS
    assert 0 < gate.sensitivity < 0.1


def test_a_slower_model_fails_once_a_second_session_confirms_it(world: Any, device: Any, past: None) -> None:
    device(12.0)
    world.events.clear()
    slower = world.run(**PLAN)
    gate = next(gate for gate in slower.gates if gate.rule.startswith("at most"))
    assert (gate.verdict, slower.run.exit_code) == ("fail", 10), gate.reason
    assert gate.change == pytest.approx(0.2, abs=0.03)
    assert gate.sessions == 2
    assert gate.likely == "likely: conv1 took all of it, slower"
    assert slower.counts["planned"] == 6
    assert [(len(event.cells), event.repeats) for event in world.events if isinstance(event, SessionsAdded)] == [(1, 3)]
    (cell,) = slower.cells
    assert [(session.number, session.why != "") for session in cell.sessions] == [(1, False), (2, True)]
    assert "worse than the last 9 sessions" in cell.sessions[1].why
    assert [job.why for job in slower.jobs] == [""] * 3 + [cell.sessions[1].why] * 3
    assert all(session.value == pytest.approx(12.0, rel=0.02) for session in cell.sessions)


def test_a_regression_never_becomes_the_baseline_until_it_is_accepted(world: Any, device: Any, past: None) -> None:
    device(12.0)
    first = world.run(**PLAN)
    again = world.run(**PLAN)
    assert [run.run.exit_code for run in (first, again)] == [10, 10]
    assert next(gate.baseline for gate in again.gates if gate.baseline) == pytest.approx(10.0, rel=0.02)
    accept = {"who": "ada", "reason": "wanted", "now": datetime.now(UTC)}
    count, alerts = ask(world, lambda journal: journal.baselines.accept(first.run.id, **accept))
    assert (count, [alert.state for alert in alerts]) == (1, ["accepted"])
    accepted = world.run(**PLAN)
    gate = next(gate for gate in accepted.gates if gate.rule.startswith("at most"))
    assert (gate.verdict, accepted.run.exit_code) == ("pass", 0), gate.reason
    assert gate.baseline == pytest.approx(12.0, rel=0.02)
    assert gate.baseline_sessions == 2  # both since the change, with the noise of those before
    device(14.0)
    assert world.run(**PLAN).run.exit_code == 10


def test_judged_again_a_run_has_the_verdicts_it_ended_with(world: Any, device: Any, past: None) -> None:
    device(12.0)
    slower = world.run(**PLAN)
    device(10.0)
    nights(world, 2)

    loose = (GateRule(metric="latency_p50_ms", max_regression=0.5),)
    own, looser = world.entry(**PLAN).plan, world.entry(**(PLAN | {"gates": loose})).plan

    async def again(journal: Journal) -> Any:
        entry = await journal.run(slower.run.id)
        told = await judge_again(entry, journal, own), await judge_again(entry, journal, looser)
        shown = await read_report(entry, journal)
        return entry, *told, shown, await compared(shown, entry, journal)

    entry, same, other, shown, compared_to = ask(world, again)
    assert same.gates == slower.gates == entry.gates
    assert slower.cells[0].sensitivity == next(gate.sensitivity for gate in slower.gates if gate.sensitivity)
    assert shown.cells == same.cells == slower.cells
    assert compared_to.cells[0].sensitivity is not None
    assert (same.run.exit_code, other.run.exit_code) == (10, 0)


def test_no_cell_gets_more_sessions_than_the_plan_allows(world: Any, device: Any, past: None) -> None:
    device(12.0)
    slower = world.run(**PLAN, gating=Gating(max_sessions=1))
    gate = next(gate for gate in slower.gates if gate.rule.startswith("at most"))
    assert (gate.verdict, gate.cause, slower.run.exit_code) == ("inconclusive", "suspicious", 12)
    assert slower.counts["planned"] == 3


def test_another_context_is_no_baseline(world: Any, past: None) -> None:
    other = world.run(**PLAN, params={"num_threads": "2"})
    gate = next(gate for gate in other.gates if gate.rule.startswith("at most"))
    assert gate.cause == "not_comparable"
    assert "num_threads" in gate.reason
    assert other.run.exit_code == 12


def test_a_pinned_run_must_have_its_name_before_anything_is_submitted(world: Any, device: Any) -> None:
    device(10.0)
    pinned = world.entry(**PLAN, baseline=BaselinePolicy(pinned="release/2.4")).plan
    with pytest.raises(UsageError, match=r"no run is called 'release/2\.4'; 'bench baseline set"):
        ask(world, lambda journal: check_pinned(pinned, journal.baselines))
    done = world.run(**PLAN)
    ask(world, lambda journal: journal.baselines.set_name("release/2.4", done.run.id))
    ask(world, lambda journal: check_pinned(pinned, journal.baselines))


def test_sessions_added_by_a_killed_run_are_picked_up(world: Any, device: Any, past: None) -> None:
    device(12.0)
    entry = world.begin(**PLAN)
    world.carry_on(entry)
    again = world.carry_on(entry)
    assert again.counts == {"planned": 6, "measured": 6, "failed": 0, "skipped": 0}
    assert again.run.exit_code == 10
