"""Who is told, once: over crashes, several processes and receivers that are away."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import orchestrator.history.news
from orchestrator.domain.news import Situation, Subject, Unfinished, did_not_end
from orchestrator.domain.plan import NOTIFY_EVENTS, Notification, Plan
from orchestrator.history.database import open_engine
from orchestrator.history.news import CLAIMED_FOR, NewsDesk
from orchestrator.history.schema import LETTER
from orchestrator.notification.notify import notify

BAD = Situation(
    troubles={
        Subject(kind="gate", about="m on d: slow"): Unfinished(reason="it is slow"),
        Subject(kind="missing", about="m on e"): Unfinished(reason="nothing came"),
    }
)
FINE = Situation(troubles={}, fine=frozenset(BAD.troubles))
SECRET = {"BENCH_WEBHOOK_SECRET": "only-we-two-know"}


def plan_for(*targets: str, on: tuple[str, ...] = NOTIFY_EVENTS) -> Plan:
    notifications = tuple(Notification(to=target, on=on) for target in targets)
    return Plan(
        path=Path("p"), text="", sha256="", name="night", project="p", models=(), devices=(), notify=notifications
    )


def tell(url: str, plan: Plan, *situations: Situation, environ: dict[str, str] | None = None) -> list[str]:
    """Tells of one situation after the other; what was said of it."""
    said: list[str] = []

    async def walk() -> None:
        async with open_engine(url) as engine:
            for situation in situations:
                await notify(
                    plan, situation, NewsDesk(engine), report="r.html", environ=environ or SECRET, say=said.append
                )

    asyncio.run(walk())
    return said


def age(url: str, by: timedelta) -> None:
    """As if all letters had been tried that much earlier."""

    async def walk() -> None:
        async with open_engine(url) as engine, engine.begin() as connection:
            tried_at = datetime.now(UTC) - by
            await connection.execute(LETTER.update().values(tried_at=tried_at))

    asyncio.run(walk())


def test_bad_news_and_good_news_come_once_each(database_url: str, receiver: Any) -> None:
    tell(database_url, plan_for(receiver.url), BAD, BAD, FINE, FINE, BAD)
    titles = [document["title"] for document in receiver.documents]
    assert titles == [
        "night: 1 failed gate, 1 cell without all results",
        "night: 2 fine again",
        "night: 1 failed gate, 1 cell without all results",
    ]
    assert receiver.documents[0]["report"] == "r.html"


def test_what_did_not_arrive_comes_the_next_time_in_its_order(database_url: str, receiver: Any) -> None:
    receiver.statuses = [404]
    said = tell(database_url, plan_for(receiver.url), BAD)
    assert said == [f"could not tell {receiver.url}: the answer was 404; tried again next time"]
    tell(database_url, plan_for(receiver.url), FINE)
    assert [document["title"][:14] for document in receiver.documents] == ["night: 1 faile"] * 2 + ["night: 2 fine "]
    assert len({document["id"] for document in receiver.documents[:2]}) == 1


def test_nobody_is_asked_for_ever(database_url: str, receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orchestrator.history.news, "MOST_TRIES", 2)
    receiver.statuses = [404] * 99
    said = tell(database_url, plan_for(receiver.url), BAD, BAD, BAD)
    assert len(receiver.posts) == len(said) == 2
    assert said[-1].endswith("given up")


def test_one_receiver_that_is_away_keeps_nothing_from_the_others(database_url: str, receiver: Any) -> None:
    said = tell(database_url, plan_for("$NOT_SET", "someone@example.com", receiver.url), BAD)
    assert "could not tell $NOT_SET: NOT_SET is not set; tried again next time" in said
    assert "could not tell someone@example.com: BENCH_MAIL_URL is not set; tried again next time" in said
    assert len(receiver.posts) == 1
    assert tell(database_url, plan_for(receiver.url), BAD) == []  # the others are in the plan no more


def test_secrets_are_in_no_word_and_no_row(database_url: str, receiver: Any) -> None:
    receiver.statuses = [404]
    hook = receiver.url + "/T0PS3CRET"
    plan, environ = plan_for("$HOOK"), {"HOOK": hook, **SECRET}
    said = tell(database_url, plan, did_not_end("gone"), environ=environ)
    said += tell(database_url, plan, did_not_end("gone"), environ=environ)
    assert [path for path, _, _ in receiver.posts] == ["/hook/T0PS3CRET"] * 2
    assert len(said) == 2
    rows = asyncio.run(_rows(database_url))
    for text in (*said, *rows):
        assert "T0PS3CRET" not in text
        assert "only-we-two-know" not in text


async def _rows(url: str) -> list[str]:
    async with open_engine(url) as engine, engine.connect() as connection:
        return [str(row) for row in await connection.execute(sa.select(LETTER))]


def test_many_at_once_tell_once(database_url: str, receiver: Any) -> None:
    async def walk() -> None:
        async with open_engine(database_url) as one, open_engine(database_url) as other:
            await asyncio.gather(
                *(
                    notify(plan, BAD, NewsDesk(engine), report="", environ=SECRET, say=lambda _: None)
                    for engine in (one, other)
                    for _ in range(4)
                )
            )

    plan = plan_for(receiver.url)
    asyncio.run(walk())
    assert len(receiver.posts) == 1


TELLER = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from test_notify import BAD, plan_for, tell
tell(sys.argv[2], plan_for(sys.argv[3]), BAD)
"""


def test_killed_between_sending_and_writing_it_down_it_is_sent_again_and_says_so(
    database_url: str, receiver: Any
) -> None:
    processes: list[subprocess.Popen[bytes]] = []

    def kill(_handler: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(processes[0].pid, signal.SIGKILL)

    tell(database_url, plan_for(receiver.url), FINE)  # the tables
    receiver.answer = kill
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", TELLER, here, database_url, receiver.url]
    processes.append(subprocess.Popen(command))
    assert processes[0].wait(60) == -signal.SIGKILL
    receiver.answer = None
    assert tell(database_url, plan_for(receiver.url), BAD) == []  # it may still be under way
    age(database_url, CLAIMED_FOR + timedelta(seconds=1))
    tell(database_url, plan_for(receiver.url), BAD)
    first, second = receiver.documents
    assert (first["may_have_arrived"], second["may_have_arrived"]) == (False, True)
    assert first["id"] == second["id"]
    assert tell(database_url, plan_for(receiver.url), BAD) == []


@pytest.mark.parametrize("on", [("recovery",), ("change", "gate")])
def test_who_asked_for_little_hears_little(database_url: str, receiver: Any, on: tuple[str, ...]) -> None:
    tell(database_url, plan_for(receiver.url, on=on), BAD, FINE)
    assert len(receiver.posts) == (1 if "gate" in on else 0)
