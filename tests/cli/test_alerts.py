"""`bench alerts`: the list, an alert's life, and every mistake in one line."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.cli.main import main
from orchestrator.domain.alert import Alert, AlertKind, accept
from orchestrator.domain.cell import Cell
from orchestrator.history.database import sqlite_url
from orchestrator.history.journal import open_journal

NOW = datetime.now(UTC)
ALERT = Alert(
    project="p",
    cell=Cell(model="detector", device="Pixel 9"),
    metric="latency_p50_ms",
    kind=AlertKind.CHANGE_POINT,
    since=NOW - timedelta(days=5),
    before=10.0,
    after=12.0,
    p=1e-6,
    context="os: 14 -> 15",
    run_id="20260301T020000Z-00000000",
    opened_at=NOW - timedelta(days=3),
)
OLDER = replace(ALERT, cell=Cell(model="segmenter", device="Pixel 9"), since=NOW - timedelta(days=9))
OVER = accept(replace(ALERT, project="q"), who="ada", reason="", now=NOW)

Bench = Callable[..., tuple[int, str, str]]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    """The command on a database with three alerts: exit code, stdout, stderr."""
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))

    async def seed() -> None:
        async with open_journal(sqlite_url(tmp_path)) as journal:
            await journal.baselines.alerts.keep("p", opened=[ALERT, OLDER], moves={}, anew={})
            await journal.baselines.alerts.keep("q", opened=[OVER], moves={}, anew={})

    asyncio.run(seed())

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["alerts", *arguments])
        out, err = capsys.readouterr()
        return code, " ".join(out.split()), err

    return run


def test_open_ones_come_first_the_oldest_first_and_over_ones_only_if_asked_for(bench: Bench) -> None:
    _, shown, _ = bench()
    assert shown.index(OLDER.id) < shown.index(ALERT.id)
    assert "10.0 → 12.0 ms since" in shown
    assert "(5 days ago), found by a change point; p = 1e-06 at that point os: 14 -> 15" in shown
    assert shown.endswith("2 alerts: 2 open")
    bench("ack", OLDER.id, "--reason", "known")
    ids = [found["id"] for found in json.loads(bench("--all", "--json")[1])]
    assert ids == [ALERT.id, OLDER.id, OVER.id]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--model", "seg*"], [OLDER.id]),
        (["--device", "pixel*"], [OLDER.id, ALERT.id]),
        (["--project", "q", "--all"], [OVER.id]),
        (["--variant", "gpu"], []),
        (["--metric", "load_ms"], []),
        (["--metric", "latency_p50_ms", "--model", "seg*"], [OLDER.id]),
    ],
)
def test_the_list_is_filtered_as_history_is(bench: Bench, options: list[str], found: list[str]) -> None:
    assert [alert["id"] for alert in json.loads(bench(*options, "--json")[1])] == found


def test_an_acknowledgement_ends_by_itself(bench: Bench) -> None:
    code, shown, _ = bench("ack", ALERT.id[:5].upper(), "--reason", "driver bug", "--who", "ada", "--until", "1ms")
    assert (code, f"alert {ALERT.id} is acknowledged by ada until" in shown) == (0, True)
    _, shown, _ = bench("show", ALERT.id)
    assert "✕ open" in shown
    assert "open again: ada had acknowledged it: driver bug" in shown
    tomorrow = f"{NOW + timedelta(days=2):%Y-%m-%d}"
    assert bench("ack", ALERT.id, "--reason", "still", "--until", tomorrow)[1].endswith(f"until {tomorrow}")
    known = json.loads(bench("show", ALERT.id, "--json")[1])
    assert (known["state"], known["reason"], known["until"][:10]) == ("acknowledged", "still", tomorrow)
    assert [step["reason"] for step in known["steps"]] == ["", "driver bug"]


def test_an_accepted_alert_is_over(bench: Bench) -> None:
    assert "the baseline of detector on Pixel 9 begins anew" in bench("accept", ALERT.id, "--reason", "wanted")[1]
    assert bench("--model", "detector")[1] == "no alert"


REASON = ("--reason", "x")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "zzzz"], "there is no alert 'zzzz' here ('bench alerts' lists them)"),
        (["ack", "zzzz", *REASON], "there is no alert 'zzzz' here"),
        (["ack", OVER.id, *REASON], f"alert {OVER.id} (latency_p50_ms of detector on Pixel 9) is already accepted"),
        (["accept", OVER.id], "is already accepted"),
        (["ack", ALERT.id, *REASON, "--until", "2020-01-01"], "--until: 2020-01-01 is not in the future"),
        (["ack", ALERT.id, *REASON, "--until", "0d"], "--until: 0d is not in the future"),
        (["ack", ALERT.id, *REASON, "--until", "soon"], "'soon' is neither a date, such as "),
        (["ack", ALERT.id, *REASON, "--until", "99999999999d"], "neither a date"),
        (["ack", ALERT.id, "--reason", " "], "--reason: expected text on one line"),
        (["ack", ALERT.id, "--reason", "a\nb"], "--reason: expected text on one line"),
        (["ack", ALERT.id, "--reason", "\x1b[2J"], "--reason: expected text on one line"),
        (["ack", ALERT.id, *REASON, "--who", ""], "--who: expected text on one line"),
        (["accept", ALERT.id, "--who", "\x1b"], "--who: expected text on one line"),
    ],
)
def test_a_mistake_is_told_in_one_line(bench: Bench, arguments: list[str], words: str) -> None:
    code, out, err = bench(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_an_acknowledgement_needs_a_reason(bench: Bench) -> None:
    code, _, err = bench("ack", ALERT.id)
    assert (code, "--reason" in err) == (2, True)
