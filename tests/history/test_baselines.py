"""Sessions of earlier runs, and runs with names: what a relative gate compares with."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.domain.cell import Cell
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.report import Trust
from orchestrator.domain.session import Session
from orchestrator.errors import UsageError
from orchestrator.history.baselines import Asked
from orchestrator.history.journal import Journal, open_journal
from orchestrator.history.stamp import NOW

CELL, OTHER = Cell(model="m", device="d1"), Cell(model="m", device="d2")
START = datetime(2026, 1, 1, tzinfo=UTC)
MakeRun = Callable[..., RunEntry]


def run_id(day: int) -> str:
    return f"202601{day:02}T000000Z-abcdef"


def session(day: int, cell: Cell = CELL, number: int = 1) -> Session:
    return Session(
        cell=cell,
        run_id=run_id(day),
        number=number,
        at=START + timedelta(days=day, minutes=number),
        planned=3,
        values={"latency_p50_ms": (1.0, 2.0, 3.0)},
        iterations={"latency_p50_ms": 50},
        context={"os": "Linux 6"},
        trust=Trust.TRUSTED,
        unit_shares={"CPU": 1.0},
    )


@pytest.fixture
def within(database_url: str, run_entry: MakeRun) -> Callable[..., Any]:
    """Runs a coroutine function on a journal that has runs of these days."""

    def walk(work: Callable[[Journal], Coroutine[Any, Any, Any]], days: int = 9) -> Any:
        async def inside() -> Any:
            async with open_journal(database_url) as journal:
                for day in range(1, days + 1):
                    await journal.begin(run_entry(run_id(day)))
                return await work(journal)

        return asyncio.run(inside())

    return walk


def asked(day: int = 99, project: str = "p", until: int = NOW) -> Asked:
    """As a run of that day asks."""
    return Asked(project=project, run_id=run_id(day), at=START + timedelta(days=day), until=until)


async def accept(journal: Journal, day: int) -> int:
    count, _ = await journal.baselines.accept(run_id(day), who="ada", reason="wanted", now=START)
    return count


async def record(journal: Journal, *sessions: Session, bad: tuple[Cell, ...] = ()) -> None:
    for one in sessions:
        await journal.baselines.record([one], project="p", open_regressions=bad)


def days(sessions: tuple[Session, ...]) -> list[int]:
    return [int(found.run_id[6:8]) for found in sessions]


def test_the_newest_come_back_as_they_were_oldest_first(within: Any) -> None:
    async def work(journal: Journal) -> None:
        await record(journal, *(session(day) for day in (3, 1, 4, 2)))
        found = await journal.baselines.rolling(asked(), [CELL, OTHER], limit=3)
        assert found == {CELL: (session(2), session(3), session(4)), OTHER: ()}
        assert await journal.baselines.rolling(asked(project="another project"), [CELL], limit=3) == {CELL: ()}

    within(work)


def test_a_session_inside_an_open_regression_is_no_baseline_but_stays_in_the_series(within: Any) -> None:
    async def work(journal: Journal) -> None:
        await record(journal, session(1))
        await record(journal, session(2), bad=(CELL,))
        await record(journal, session(3), bad=(OTHER,))
        assert days((await journal.baselines.rolling(asked(), [CELL], limit=9))[CELL]) == [1, 3]
        assert days(await journal.baselines.series("p", CELL, 9)) == [1, 2, 3]

    within(work)


def test_an_accepted_change_starts_the_baseline_anew(within: Any) -> None:
    async def work(journal: Journal) -> None:
        await record(journal, session(1), session(2))
        await record(journal, session(3), bad=(CELL,))
        await record(journal, session(4), session(5, OTHER))
        assert await accept(journal, 3) == 1
        assert days((await journal.baselines.rolling(asked(), [CELL], limit=9))[CELL]) == [3, 4]
        assert days((await journal.baselines.rolling(asked(), [OTHER], limit=9))[OTHER]) == [5]

    within(work)


def test_an_old_run_sees_only_what_was_before_it(within: Any) -> None:
    async def work(journal: Journal) -> None:
        await record(journal, *(session(day) for day in (1, 2, 3, 4)))
        await accept(journal, 3)
        assert days((await journal.baselines.rolling(asked(3), [CELL], limit=9))[CELL]) == [1, 2]
        assert days((await journal.baselines.rolling(asked(5), [CELL], limit=9))[CELL]) == [3, 4]

    within(work)


def test_a_run_judged_again_replaces_what_was_kept_of_it(within: Any) -> None:
    async def work(journal: Journal) -> None:
        await journal.baselines.record([session(1), session(1, number=2)], project="p", open_regressions=[CELL])
        await journal.baselines.record([session(1)], project="p", open_regressions=[])
        assert await journal.baselines.of_run(run_id(1)) == {CELL: (session(1),)}
        assert await journal.baselines.rolling(asked(), [CELL], limit=9) == {CELL: (session(1),)}
        assert await journal.baselines.cells() == (("p", CELL),)

    within(work)


def test_runs_have_names(within: Any) -> None:
    async def work(journal: Journal) -> None:
        names = journal.baselines
        await names.set_name("release/2.4", run_id(1))
        await names.set_name("golden", run_id(2))
        await names.set_name("golden", run_id(3))
        assert await names.names() == {"golden": run_id(3), "release/2.4": run_id(1)}
        await names.remove_name("golden")
        assert list(await names.names()) == ["release/2.4"]
        with pytest.raises(UsageError, match="no run is called 'golden'"):
            await names.remove_name("golden")
        with pytest.raises(UsageError, match="no run 'nope' here"):
            await names.set_name("x", "nope")

    within(work)
