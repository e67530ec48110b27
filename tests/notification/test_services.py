"""Letters through Apprise, to servers of our own that speak the services' protocols.

Slack's host cannot be given to Apprise, so for it the constant in the plugin is changed; Teams' and the mail server's
can. That the services themselves take these letters has to be seen with a real account.
"""

import asyncio
import json
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any

import pytest

from orchestrator.domain.news import Letter, Line
from orchestrator.domain.secret import Secret
from orchestrator.notification.apprise_child import SENT
from orchestrator.notification.message import body_of
from orchestrator.notification.services import send
from orchestrator.notification.target import Address, NotTold

HOSTILE = "d<!channel> [click](http://evil.example) & *b*"
LETTER = Letter(
    id="one",
    plan="night",
    target="x",
    title="night: 1 change",
    lines=(Line(kind="change", about="m", text=f"m on {HOSTILE}: +12%, interval +8.0% to +16%"),),
    report="https://reports.example/1/report.html",
)


@dataclass
class Mailbox:
    """A small SMTP server: envelopes and messages that came; `refuse` answers a mail with 550."""

    port: int = 0
    mails: list[tuple[str, str, bytes]] = field(default_factory=list)
    refuse: bool = False
    seen: list[str] = field(default_factory=list)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server on the loopback interface."""
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            sender = to = ""
            self.wfile.write(b"220 test\r\n")
            while line := self.rfile.readline().decode().strip():
                verb, _, rest = line.partition(":")
                box.seen.append(line)
                if line.upper().startswith("EHLO"):
                    self.wfile.write(b"250-test\r\n250 8BITMIME\r\n")
                    continue
                if line.upper() == "DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = iter(self.rfile.readline, b".\r\n")
                    box.mails.append((sender, to, b"".join(lines)))
                if line.upper() == "QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                sender = rest if verb.upper() == "MAIL FROM" else sender
                to = rest if verb.upper() == "RCPT TO" else to
                is_refused = box.refuse and verb.upper() == "RCPT TO"
                self.wfile.write(b"550 no such user\r\n" if is_refused else b"250 ok\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield box
        server.shutdown()
        thread.join()


def mail(box: Mailbox) -> bool:
    url = Secret(f"mailto://127.0.0.1:{box.port}?from=bench@example.com")
    return asyncio.run(send(LETTER, Address(url=url, mailbox="team@example.com")))


def test_an_e_mail_arrives_at_the_mailbox_of_the_plan(mailbox: Mailbox) -> None:
    assert mail(mailbox)
    ((sender, to, raw),) = mailbox.mails
    assert ("bench@example.com" in sender, "team@example.com" in to) == (True, True)
    message = message_from_bytes(raw)
    assert message["Subject"] == "night: 1 change"
    text = message.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert text.decode().splitlines() == body_of(LETTER).splitlines()


def test_a_mail_server_that_refuses_is_told_without_its_address(mailbox: Mailbox) -> None:
    mailbox.refuse = True
    with pytest.raises(NotTold, match=r"^the service did not take it$"):
        mail(mailbox)


def test_teams_gets_a_card_over_tls(secure_receiver: Any) -> None:
    url = Secret(f"workflows://127.0.0.1:{secure_receiver.port}/flow-id/signature?verify=no")
    assert asyncio.run(send(LETTER, Address(url=url)))
    ((path, _, body),) = secure_receiver.posts
    assert path.startswith("/workflows/flow-id/triggers/manual/paths/invoke?")
    assert "+12%" in body.decode()
    assert json.loads(body)["attachments"]


def test_tls_without_a_known_certificate_is_no_delivery(secure_receiver: Any) -> None:
    url = Secret(f"workflows://127.0.0.1:{secure_receiver.port}/flow-id/signature")
    with pytest.raises(NotTold, match="did not take it"):
        asyncio.run(send(LETTER, Address(url=url)))
    assert not secure_receiver.posts


SLACK_HERE = """
import sys
from apprise.plugins.slack import NotifySlack
from orchestrator.notification.apprise_child import main
NotifySlack.webhook_url = sys.argv[1]
sys.exit(main())
"""


def test_slack_gets_text_that_nobody_else_can_steer(receiver: Any) -> None:
    url = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
    said = {"url": url, "title": LETTER.title, "body": body_of(LETTER), "is_good": False}
    command = [sys.executable, "-c", SLACK_HERE, receiver.url]
    assert subprocess.run(command, input=json.dumps(said), text=True, timeout=60).returncode == SENT
    ((path, _, _),) = receiver.posts
    assert path == "/hook/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
    (document,) = receiver.documents
    (shown,) = document["attachments"]
    assert "&lt;!channel&gt;" in shown["text"]
    assert document["mrkdwn"] is False
    assert "+12%, interval +8.0% to +16%" in shown["text"]


def test_a_web_address_of_no_service_is_for_our_own_webhook() -> None:
    assert asyncio.run(send(LETTER, Address(url=Secret("https://hooks.example.com/x")))) is False
