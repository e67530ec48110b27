"""run.log says what happened, one object a line, and no secret."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.domain.cell import Cell
from orchestrator.domain.event import Event, JobEnded, JobMoved, Notice, RunStarted
from orchestrator.domain.job import JobKey, JobResult
from orchestrator.domain.outcome import Failed, FailureKind
from orchestrator.presentation.run_log import mask, run_log

AT = datetime(2026, 1, 1, 2, 3, 4, tzinfo=UTC)
KEY = JobKey(cell=Cell(model="m\n\x1b[2J", device="d"), repeat=2)


def test_every_event_is_a_line_and_is_passed_on(tmp_path: Path) -> None:
    failed = JobResult(key=KEY, outcome=Failed(kind=FailureKind.DEVICE, reason="it\nfell"))
    events: list[Event] = [
        RunStarted(run_id="r", cells=(KEY.cell,), repeats=3),
        JobMoved(key=KEY, state="submitted", at=AT, attempt=2, job_id="j1"),
        JobEnded(result=failed, at=AT),
        Notice(text="the hub is slow", at=AT),
    ]
    passed: list[Event] = []
    with run_log(tmp_path / "run" / "run.log", passed.append) as listen:
        for event in events:
            listen(event)
        logging.getLogger("orchestrator.client").warning("status %r of https://h/x?sig=1 is new", "X")
        logging.getLogger("orchestrator.client").info("again in 1 s")
    logging.getLogger("orchestrator.client").info("after the run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "run.log").read_text().splitlines()]
    assert passed[:-1] == events
    assert getattr(passed[-1], "text", "") == "status 'X' of https://h/x?*** is new"
    assert [line["event"] for line in lines] == ["run", "state", "ended", "notice", "log", "log"]
    assert lines[1] | {"state": "submitted", "attempt": 2, "job_id": "j1", "model": KEY.cell.model} == lines[1]
    assert lines[2] | {"outcome": "failed", "kind": "device", "reason": "it\nfell"} == lines[2]
    assert [line["text"] for line in lines[4:]] == ["status 'X' of https://h/x?*** is new", "again in 1 s"]


def test_a_resumed_run_goes_on_in_the_same_log(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with run_log(tmp_path / "run.log", lambda event: None) as listen:
            listen(Notice(text=text, at=AT))
    assert [json.loads(line)["text"] for line in (tmp_path / "run.log").read_text().splitlines()] == ["first", "second"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("PUT https://s.example/a/b?sig=abc&e=1 failed", "PUT https://s.example/a/b?*** failed"),
        ("see http://h/x#token", "see http://h/x?***"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("nothing secret: 5 > 3?", "nothing secret: 5 > 3?"),
    ],
)
def test_what_could_be_a_credential_is_masked(text: str, shown: str) -> None:
    assert mask(text) == shown
