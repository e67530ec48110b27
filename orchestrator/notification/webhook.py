"""A webhook of one's own: a JSON document by POST, signed, tried again while that may help.

X-Bench-Delivery    the letter's id, the same however often it comes
X-Bench-Timestamp   seconds since 1970 when this try was made
X-Bench-Signature   sha256= and the hexadecimal HMAC-SHA256 of "timestamp.body" under the secret
"""

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import asdict
from urllib.parse import urlsplit

import httpx

from orchestrator.client.retry import Gate, Patience, Repeat, Retrier, Waiting
from orchestrator.domain.news import Letter
from orchestrator.domain.secret import Secret
from orchestrator.errors import AnswerLost, CloudError, Overloaded, Refused, Unreachable
from orchestrator.notification.target import NotTold

TRY_S = 15.0
PATIENCE = Patience(after=Repeat.ALWAYS.value, deadline_s=60.0, most_tries=4)


async def post(letter: Letter, url: Secret, secret: Secret, waiting: Waiting | None = None) -> None:
    """Sends a letter. Raises NotTold, which names no address, where no try arrived."""
    if not _is_web_address(url.reveal()):
        message = "the address is no web address"
        raise NotTold(message)
    waiting = waiting or Waiting()
    body = json.dumps(document(letter), ensure_ascii=False).encode()
    async with httpx.AsyncClient(timeout=TRY_S, follow_redirects=False) as client:

        async def once(_left_s: float) -> None:
            await _try(client, url, body, _headers(letter, body, secret))

        retrier = Retrier(waiting=waiting, gate=Gate(waiting))
        try:
            await retrier.persist(once, PATIENCE, name="webhook")
        except CloudError as error:
            raise NotTold(str(error)) from None


def document(letter: Letter) -> dict[str, object]:
    """The JSON document of a letter."""
    return {
        "id": letter.id,
        "plan": letter.plan,
        "run_id": letter.run_id,
        "title": letter.title,
        "report": letter.report,
        "may_have_arrived": letter.may_have_arrived,
        "news": [asdict(line) for line in letter.lines],
    }


def signature(body: bytes, timestamp: str, secret: Secret) -> str:
    """What the receiver computes as well, to know who sent it and when."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.reveal().encode(), signed, hashlib.sha256).hexdigest()


def _headers(letter: Letter, body: bytes, secret: Secret) -> dict[str, str]:
    timestamp = str(int(time.time()))
    return {
        "Content-Type": "application/json",
        "User-Agent": "bench",
        "X-Bench-Delivery": letter.id,
        "X-Bench-Timestamp": timestamp,
        "X-Bench-Signature": signature(body, timestamp, secret),
    }


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and bool(httpx.URL(url).host)
    except (ValueError, httpx.InvalidURL):
        return False


async def _try(client: httpx.AsyncClient, url: Secret, body: bytes, headers: dict[str, str]) -> None:
    """One POST; what is answered is not read. Foreign errors are not chained: they name the address."""
    failure: CloudError
    try:
        async with asyncio.timeout(TRY_S), client.stream("POST", url.reveal(), content=body, headers=headers) as answer:
            status, retry_after = answer.status_code, answer.headers.get("Retry-After", "")
    except (httpx.ConnectError, httpx.ConnectTimeout):
        failure = Unreachable("no connection")
    except (TimeoutError, httpx.HTTPError):
        failure = AnswerLost("no answer in time, or a broken one")
    else:
        if status < 300:
            return
        again_s = float(retry_after) if retry_after.isdecimal() else None
        is_busy = status == 429 or status >= 500
        said = f"the answer was {status}"
        failure = Overloaded(said, status=status, retry_after_s=again_s) if is_busy else Refused(said, status=status)
    raise failure from None
