"""What runs are judged by, taken from one database to another: all of it, in its order, once; and no hostile file."""

import asyncio
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.alert import Alert, AlertKind, acknowledge
from orchestrator.domain.cell import Cell
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.session import Session, Trust
from orchestrator.errors import UsageError
from orchestrator.history import exported
from orchestrator.history.asked import Asked
from orchestrator.history.database import open_connection, sqlite_url
from orchestrator.history.exported import read_exported, write_exported
from orchestrator.history.journal import Journal, open_journal
from orchestrator.history.past import read_past

CELL, OTHER = Cell(model="m", device="d1"), Cell(model="m", device="d2")
NOW = datetime(2026, 2, 1, tzinfo=UTC)
ASKED = Asked(project="p", run_id="20260199", at=NOW)


def run_id(day: int) -> str:
    return f"202601{day:02}T000000Z-abcdef"


def session(day: int, cell: Cell = CELL, value: float = 1.0) -> Session:
    at = datetime(2026, 1, day, tzinfo=UTC)
    values = {"latency_p50_ms": (value, 2.0, 3.0)}
    return Session(cell=cell, run_id=run_id(day), at=at, planned=3, values=values, trust=Trust.TRUSTED)


def alert(day: int) -> Alert:
    at = datetime(2026, 1, day, tzinfo=UTC)
    found = {"since": at, "opened_at": at, "before": 1.0, "after": 2.0, "run_id": run_id(day)}
    return Alert(project="p", cell=CELL, metric="latency_p50_ms", kind=AlertKind.GATE, **found)  # type: ignore[arg-type]


async def tell_story(journal: Journal, run_entry: Callable[..., RunEntry]) -> None:
    """Nights of which the third was found worse and then accepted; one after it is not; an alert; a name."""
    kept = journal.baselines
    for day in range(1, 7):
        await journal.begin(run_entry(run_id(day)))
        bad = [CELL] if day in (3, 5) else []
        await kept.record([session(day), session(day, OTHER)], project="p", open_regressions=bad)
        if day == 3:
            await kept.accept(run_id(3), who="ada", reason="wanted", now=NOW)
    await kept.pairs.record([(session(2), session(2))], project="p")
    await kept.alerts.keep("p", opened=[alert(6)], moves={}, anew={})
    await kept.set_name("golden", run_id(2))


async def told(journal: Journal, url: str) -> dict[str, Any]:
    """All that a later run is judged by."""
    kept = journal.baselines
    with open_connection(url) as connection:
        past = read_past(connection, "p", [CELL, OTHER], "latency_p50_ms", NOW, limit=9)
    return {
        "rolling": await kept.rolling(ASKED, [CELL, OTHER], limit=9),
        "past": past,
        "pairs": await kept.pairs.before(ASKED, [CELL], limit=9),
        "pinned": await kept.of_run((await kept.names()).get("golden", "")),
        "alerts": await kept.alerts.all(),
        "anew": await kept.anew(ASKED, [CELL, OTHER]),
    }


def test_elsewhere_runs_are_judged_by_the_same(
    database_url: str, tmp_path: Path, run_entry: Callable[..., RunEntry]
) -> None:
    async def walk() -> None:
        elsewhere = sqlite_url(tmp_path / "there")
        async with open_journal(database_url) as here, open_journal(elsewhere) as there:
            await tell_story(here, run_entry)
            write_exported(await here.exchange.gather(now=NOW), tmp_path / "kept.json.gz")
            brought = read_exported(tmp_path / "kept.json.gz")
            counts = await there.exchange.merge(brought)
            assert counts == {"session": 12, "pair": 1, "new beginning": 2, "alert": 1, "name": 1}
            story = await told(there, elsewhere)
            assert story == await told(here, database_url)
            assert [found.at.day for found in story["rolling"][CELL]] == [3, 4]
            for journal, url in ((there, elsewhere), (here, database_url)):
                assert not any((await journal.exchange.merge(brought)).values())
                assert await told(journal, url) == story
            assert await there.runs() == ()

    asyncio.run(walk())


def test_one_project_or_plan_is_taken_alone(
    database_url: str, tmp_path: Path, run_entry: Callable[..., RunEntry]
) -> None:
    async def walk() -> None:
        async with open_journal(database_url) as here:
            await tell_story(here, run_entry)
            for chosen in ({"project": "another"}, {"plan": "another"}):
                found = await here.exchange.gather(now=NOW, **chosen)  # type: ignore[arg-type]
                assert (found.sessions, found.starts, found.alerts, found.names) == ((), (), (), {})
            assert len((await here.exchange.gather(now=NOW, project="p", plan="p")).sessions) == 12

    asyncio.run(walk())


def test_what_is_known_better_here_stays(database_url: str, run_entry: Callable[..., RunEntry]) -> None:
    async def walk() -> None:
        async with open_journal(database_url) as here:
            await tell_story(here, run_entry)
            brought = await here.exchange.gather(now=NOW)
            seen = await here.baselines.alerts.move(
                alert(6).id, lambda found: acknowledge(found, who="bo", reason="known", until=NOW)
            )
            changed = [
                kept.model_copy(update={"session": replace(kept.session, values={"latency_p50_ms": (9.0,)})})
                for kept in brought.sessions
            ]
            elsewhere = [
                kept.model_copy(update={"session": replace(kept.session, run_id="elsewhere")})
                for kept in (brought.sessions[0], changed[0])
            ]
            for sessions, written in ((changed, 0), (elsewhere[:1], 1), (elsewhere[1:], 1), (elsewhere[1:], 0)):
                counts = await here.exchange.merge(brought.model_copy(update={"sessions": tuple(sessions)}))
                assert counts["session"] == written
            assert (await here.baselines.of_run(run_id(1)))[CELL] == (session(1),)
            (later,) = (await here.baselines.of_run("elsewhere"))[brought.sessions[0].session.cell]
            assert later.values == {"latency_p50_ms": (9.0,)}
            assert await here.baselines.alerts.all() == (seen,)

    asyncio.run(walk())


def written(**changes: Any) -> bytes:
    """A file with one session, changed."""
    cell = {"model": "m", "device": "d", "variant": "default"}
    one = {"cell": cell, "run_id": "r", "at": "2026-01-01T00:00:00Z", "planned": 1, "values": {"latency_ms": [1.0]}}
    kept = {"project": "p", "rank": 0, "accepted": True, "session": one | changes.pop("session", {})}
    whole = {"schema_version": 1, "tool_version": "1", "exported_at": "2026-01-01T00:00:00Z", "sessions": [kept]}
    return json.dumps(whole | changes).encode()


BAD = {
    "no JSON": b"hello",
    "another version": written(schema_version=2),
    "an unknown part": written(more=1),
    "not a number": written(session={"values": {"latency_ms": [float("nan")]}}),
    "endless": written(session={"values": {"latency_ms": [float("inf")]}}),
    "below 0": written(session={"values": {"latency_ms": [-1.0]}}),
    "a name that steers a terminal": written(session={"cell": {"model": "\x1b[2J", "device": "d", "variant": "v"}}),
    "a run that is a path": written(session={"run_id": "../../x"}),
    "no time zone": written(session={"at": "2026-01-01T00:00:00"}),
    "a name of no run": written(names={"golden": "/etc"}),
    "cut short": gzip.compress(written())[:-20],
    "a broken stream": gzip.compress(written())[:12] + b"\xff" * 40,
    "too large": gzip.compress(b" " * 2_000_000),
    "too deep": b"[" * 100_000,
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(exported, "LARGEST_BYTES", 1_000_000)
    path = tmp_path / "kept.json"
    path.write_bytes(data)
    with pytest.raises(UsageError) as refused:
        read_exported(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert "\x1b" not in message


def test_a_good_file_is_taken_and_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    with pytest.raises(UsageError, match=r"kept\.json: cannot be read: No such file"):
        read_exported(path)
    path.write_bytes(written())
    taken = read_exported(path)
    assert len(taken.sessions) == 1
    for name in ("again.json", "again.json.gz"):
        write_exported(taken, tmp_path / name)
        assert read_exported(tmp_path / name) == taken
    assert (tmp_path / "again.json.gz").read_bytes().startswith(b"\x1f\x8b")
    with pytest.raises(UsageError, match="cannot be written"):
        write_exported(read_exported(path), tmp_path / "nowhere" / "x.json")
