"""Slack, Teams, e-mail and what else Apprise knows, each letter in a child process of its own."""

import asyncio
import json
import sys
from contextlib import suppress
from urllib.parse import quote

from orchestrator.domain.news import Letter
from orchestrator.notification.apprise_child import NO_SERVICE, NOT_INSTALLED, REFUSED, SENT
from orchestrator.notification.message import body_of
from orchestrator.notification.target import Address, NotTold

LONGEST_S = 90.0
_WORDS = {
    REFUSED: "the service did not take it",
    NOT_INSTALLED: "this needs the package 'apprise': pip install 'device-bench[notify]'",
}


async def send(letter: Letter, address: Address) -> bool:
    """Sends a letter; False where Apprise knows no service by that address. Raises NotTold where it did not arrive."""
    url = address.url.reveal()
    if address.mailbox:
        url += ("&" if "?" in url else "?") + "to=" + quote(address.mailbox)
    said = {"url": url, "title": letter.title, "body": body_of(letter), "is_good": letter.is_good}
    code = await _child(json.dumps(said).encode())
    if code not in (SENT, NO_SERVICE):
        raise NotTold(_WORDS.get(code, "the process that sends it broke off"))
    return code == SENT


async def _child(said: bytes) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "orchestrator.notification.apprise_child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(LONGEST_S):
            await process.communicate(said)
    except TimeoutError:
        message = f"the service did not answer within {LONGEST_S:.0f} s"
        raise NotTold(message) from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return process.returncode or 0
