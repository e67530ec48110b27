"""Sessions of earlier runs, and runs with names: what a relative gate compares with."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from orchestrator.domain.alert import Alert, AlertKind, resolve
from orchestrator.domain.alert import accept as accept_alert
from orchestrator.domain.cell import Cell
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.past import Past
from orchestrator.domain.session import Session, Trust
from orchestrator.errors import UsageError
from orchestrator.history.asked import Asked
from orchestrator.history.database import open_connection
from orchestrator.history.journal import Journal, open_journal
from orchestrator.history.past import cells_by_project, read_past
from orchestrator.history.stamp import NOW

CELL, OTHER = Cell(model="m", device="d1"), Cell(model="m", device="d2")
START = datetime(2026, 1, 1, tzinfo=UTC)
METRIC = "latency_p50_ms"
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
        values={METRIC: (1.0, 2.0, 3.0)},
        iterations={METRIC: 50},
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


def past_of(url: str, project: str, cells: list[Cell], *, metric: str = METRIC, limit: int = 9) -> Mapping[Cell, Past]:
    with open_connection(url) as connection:
        return read_past(connection, project, cells, metric, START + timedelta(days=99), limit=limit)


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


def test_a_session_inside_an_open_regression_is_no_baseline_but_stays_in_the_series(
    within: Any, database_url: str
) -> None:
    async def work(journal: Journal) -> None:
        await record(journal, session(1))
        await record(journal, session(2), bad=(CELL,))
        await record(journal, session(3), bad=(OTHER,))
        assert days((await journal.baselines.rolling(asked(), [CELL], limit=9))[CELL]) == [1, 3]
        kept = past_of(database_url, "p", [CELL])[CELL]
        assert days(kept.sessions) == [1, 2, 3]
        assert kept.counting == {run_id(1), run_id(3)}

    within(work)


def test_the_past_of_many_cells_is_read_at_once(within: Any, database_url: str) -> None:
    third = Cell(model="m", device="d3")

    async def work(journal: Journal) -> None:
        await record(journal, *(session(day) for day in (1, 3, 2)), session(5, OTHER))
        both = [session(4), session(4, number=2)]
        await journal.baselines.record(both, project="p", open_regressions=())

    within(work)
    found = past_of(database_url, "p", [CELL, third, OTHER], limit=3)
    assert {cell: days(kept.sessions) for cell, kept in found.items()} == {CELL: [2, 3, 4], third: [], OTHER: [5]}
    for project, nights in (("p", [1, 2, 3, 4]), ("q", [])):
        assert days(past_of(database_url, project, [CELL])[CELL].sessions) == nights


def test_of_a_night_is_read_what_is_drawn_of_it(within: Any, database_url: str) -> None:
    odd = Cell(model="m\"[0]'; --", device="{é}\\", variant="$.x")
    full = replace(
        session(1, odd),
        values={METRIC: (1e-300, 1e22, 2.5), "peak_memory_mb": (7.0,)},
        missing=('job #2 "failed"', "é"),
        context={"os": 'a "quoted" one', "file": "converted"},
        profiled=True,
        units={"layer": "CPU"},
    )

    async def work(journal: Journal) -> None:
        await journal.baselines.record([full], project="p", open_regressions=())

    within(work)
    dropped = {"iterations": {}, "units": {}, "unit_shares": {}, "trust": Trust.INVALID}
    (read,) = past_of(database_url, "p", [odd])[odd].sessions
    assert read == replace(full, **dropped, values={METRIC: (1e-300, 1e22, 2.5)})
    (without,) = past_of(database_url, "p", [odd], metric="latency_max_ms")[odd].sessions
    assert without == replace(full, **dropped, values={})


def test_the_cells_of_a_project_are_known_with_their_sessions(within: Any, database_url: str) -> None:
    async def work(journal: Journal) -> None:
        for day in (1, 2):
            night = [session(day), session(day, OTHER)][:day]
            await journal.baselines.record(night, project="p", open_regressions=())
        assert {name: set(cells) for name, cells in (await journal.baselines.cells()).items()} == {"p": {CELL, OTHER}}

    within(work)
    with open_connection(database_url) as connection:
        assert cells_by_project(connection) == {"p": {CELL: 2, OTHER: 1}}
        assert cells_by_project(connection, "q") == {}


@pytest.mark.parametrize("module", ["past", "database"])
def test_to_look_needs_nothing_that_takes_long_to_import(module: str) -> None:
    code = f"import sys, orchestrator.history.{module}; print({{'pydantic', 'sqlalchemy.orm'}} & {{*sys.modules}})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


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
        assert {*(await journal.baselines.cells())["p"]} == {CELL}

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


def alert(since: int, **change: Any) -> Alert:
    """A regression of CELL that begins with the session of a day."""
    found = Alert(
        project="p",
        cell=CELL,
        metric="latency_p50_ms",
        kind=AlertKind.GATE,
        since=session(since).at,
        before=10.0,
        after=12.0,
        run_id=run_id(since),
        opened_at=START + timedelta(days=since),
    )
    return replace(found, **change)


async def rolling(journal: Journal, **asking: Any) -> list[int]:
    return days((await journal.baselines.rolling(asked(**asking), [CELL], limit=99))[CELL])


def test_what_a_run_saw_it_sees_again_whatever_came_later(within: Any) -> None:
    """Each change of what counts, and after it what was to be seen before it: the same."""

    async def work(journal: Journal) -> None:
        alerts, seen = journal.baselines.alerts, []

        async def look() -> None:
            seen.append((await journal.baselines.last_stamp(), await rolling(journal)))

        await record(journal, *(session(day) for day in (1, 2, 3, 4)))
        await look()
        await alerts.keep("p", opened=[alert(3)], moves={}, anew={})
        await look()
        back = partial(resolve, back_since=session(4).at, run_id=run_id(4), because="it passes", now=START)
        await alerts.keep("p", opened=[], moves={alert(3).id: back}, anew={})
        await look()
        await alerts.keep("p", opened=[], moves={}, anew={CELL: session(2).at})
        await look()
        await record(journal, session(5), session(6), bad=(CELL,))
        await look()
        await accept(journal, 5)
        await look()
        assert [found for _, found in seen] == [[1, 2, 3, 4], [1, 2], [1, 2, 4], [2, 4], [2, 4], [5, 6]]
        assert [await rolling(journal, until=stamp) for stamp, _ in seen] == [found for _, found in seen]
        assert await rolling(journal, day=4, until=seen[0][0]) == [1, 2, 3]

    within(work)


def test_an_accepted_alert_makes_all_sessions_since_it_began_count(within: Any) -> None:
    async def work(journal: Journal) -> None:
        await record(journal, session(1), session(2))
        await record(journal, session(3), session(4), bad=(CELL,))
        await journal.baselines.alerts.keep("p", opened=[alert(4, onset=session(3).at), alert(9)], moves={}, anew={})
        taken = await journal.baselines.accept(run_id(4), who="ada", reason="wanted", now=START)
        assert [(found.id, found.state) for found in taken[1]] == [(alert(4).id, "accepted")]
        assert await rolling(journal) == [3, 4]
        await record(journal, session(9))
        assert await rolling(journal) == [3, 4]  # the other alert began later than what was accepted
        await journal.baselines.alerts.move(alert(9).id, partial(accept_alert, who="ada", reason="", now=START))
        assert await rolling(journal) == [9]

    within(work)


def test_a_name_is_whose_it_was(within: Any) -> None:
    async def work(journal: Journal) -> None:
        await journal.baselines.set_name("golden", run_id(1))
        first = await journal.baselines.last_stamp()
        await journal.baselines.set_name("golden", run_id(2))
        second = await journal.baselines.last_stamp()
        await journal.baselines.remove_name("golden")
        assert await journal.baselines.names() == {}
        assert await journal.baselines.names(until=second) == {"golden": run_id(2)}
        assert await journal.baselines.names(until=first) == {"golden": run_id(1)}

    within(work)


def test_what_becomes_of_an_alert_while_a_run_looks_at_it_stays(within: Any) -> None:
    async def work(journal: Journal) -> None:
        alerts = journal.baselines.alerts
        await alerts.keep("p", opened=[alert(3)], moves={}, anew={})
        await alerts.keep("p", opened=[alert(4, after=99.0)], moves={}, anew={})  # another run found it too
        assert await alerts.all() == (alert(3),)
        wanted = partial(accept_alert, who="ada", reason="", now=START)
        accepted = await alerts.move(alert(3).id[:4].upper(), wanted)
        back = partial(resolve, back_since=START, run_id=run_id(4), because="it passes", now=START)
        await alerts.keep("p", opened=[], moves={alert(3).id: back}, anew={})
        assert await alerts.steps(alert(3).id) == (alert(3), accepted)
        assert await alerts.all("p", [OTHER]) == await alerts.all("another project") == ()
        with pytest.raises(UsageError, match="already accepted"):
            await alerts.move(alert(3).id, wanted)
        for unknown in ("zzzz", "", "%"):
            with pytest.raises(UsageError, match="there is no alert"):
                await alerts.steps(unknown)
        await alerts.keep("p", opened=[alert(day) for day in range(9, 300, 7)], moves={}, anew={})
        with pytest.raises(UsageError, match="several alerts begin with"):
            await alerts.steps(next(a.id[0] for a in await alerts.all() if a.id[0] != alert(3).id[0]))

    within(work)
