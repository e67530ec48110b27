"""Our own webhook against a real server: signed, tried again while that may help, and never for ever."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

import orchestrator.notification.webhook
from orchestrator.client.retry import Waiting
from orchestrator.domain.news import Letter, Line
from orchestrator.domain.secret import Secret
from orchestrator.notification.target import NotTold
from orchestrator.notification.webhook import post, signature

LETTER = Letter(
    id="one",
    plan="night",
    target="$HOOK",
    title="night: 1 failed gate",
    lines=(Line(kind="gate", about="m on d", text="m on d: slow – ✕"),),
    report="reports/1/report.html",
    run_id="1",
)
KEY = Secret("only-we-two-know")


def send(url: str, waits: list[float] | None = None) -> list[float]:
    """Sends the letter without waiting in between; the seconds it would have waited."""
    waits = [] if waits is None else waits

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    waiting = Waiting(sleep=sleep, fraction=lambda: 1.0, clock=lambda: sum(waits))
    asyncio.run(post(LETTER, Secret(url), KEY, waiting))
    return waits


def test_the_receiver_can_tell_who_sent_it_and_when(receiver: Any) -> None:
    send(receiver.url)
    ((path, headers, body),) = receiver.posts
    assert path == "/hook"
    assert abs(int(headers["X-Bench-Timestamp"]) - time.time()) < 60
    assert headers["X-Bench-Signature"] == signature(body, headers["X-Bench-Timestamp"], KEY)
    assert headers["X-Bench-Signature"] != signature(body + b" ", headers["X-Bench-Timestamp"], KEY)
    assert headers["X-Bench-Delivery"] == "one"
    (document,) = receiver.documents
    assert document["news"] == [{"kind": "gate", "about": "m on d", "text": "m on d: slow – ✕", "is_over": False}]


def test_a_server_in_trouble_is_asked_again_later_and_later(receiver: Any) -> None:
    receiver.statuses = [500, 503, 429]
    assert send(receiver.url) == [0.5, 1.0, 2.0]
    assert len({headers["X-Bench-Delivery"] for _, headers, _ in receiver.posts}) == 1
    assert len(receiver.posts) == 4


def test_what_the_server_asks_for_is_kept_to(receiver: Any) -> None:
    receiver.statuses, receiver.headers = [503], {"Retry-After": "7"}
    assert send(receiver.url) == [7.0]


@pytest.mark.parametrize(("status", "tries"), [(500, 4), (404, 1), (401, 1), (302, 1)])
def test_in_the_end_it_says_what_was_answered(receiver: Any, status: int, tries: int) -> None:
    receiver.statuses, receiver.headers = [status] * 9, {"Location": receiver.url + "/elsewhere"}
    with pytest.raises(NotTold, match=f"^the answer was {status}$"):
        send(receiver.url)
    assert len(receiver.posts) == tries
    assert {path for path, _, _ in receiver.posts} == {"/hook"}


def _hang(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(0.3)


def _babble(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SMTP ready\r\n\r\n")


def _drip(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    with suppress(BrokenPipeError):
        for _ in range(10):
            time.sleep(0.05)
            handler.wfile.write(b"a")


@pytest.mark.parametrize("answer", [_hang, _babble, _drip])
def test_a_server_that_does_not_answer_as_one_is_left(
    receiver: Any, answer: Callable[[BaseHTTPRequestHandler], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orchestrator.notification.webhook, "TRY_S", 0.1)
    receiver.answer = answer
    with pytest.raises(NotTold, match=r"^no answer in time, or a broken one$"):
        send(receiver.url, waits := [])
    assert waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/secret", "http://[secret", "http://127.0.0.1:99999/secret"])
def test_an_address_that_leads_nowhere_is_not_repeated(url: str) -> None:
    with pytest.raises(NotTold) as caught:
        send(url)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
