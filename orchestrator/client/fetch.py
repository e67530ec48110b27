"""A file from an address that the user gave, without any credentials of ours."""

from pathlib import Path
from urllib.parse import urlsplit

import httpx

from orchestrator.client.retry import Gate, Retrier, Waiting
from orchestrator.client.storage import Storage
from orchestrator.client.transfer import Fetched
from orchestrator.domain.plain_http import may_be_plain
from orchestrator.domain.secret import Secret
from orchestrator.errors import UsageError


async def fetch(url: Secret, to: Path, *, max_bytes: int, waiting: Waiting | None = None) -> Fetched:
    """Fetches it whole, or not at all, over https or from this computer. Raises UsageError and CloudError.

    The address may hold a secret, so no message repeats it.
    """
    _check(url)
    waiting = waiting or Waiting()
    async with httpx.AsyncClient(follow_redirects=False) as client:
        return await Storage(client, Retrier(waiting=waiting, gate=Gate(waiting))).get(url, to, max_bytes=max_bytes)


def _check(url: Secret) -> None:
    try:
        parts = urlsplit(url.reveal())
        host, named = parts.hostname or "", parts.username is not None or parts.password is not None
    except ValueError:
        host, named = "", False
    if not host or named or parts.scheme not in ("http", "https"):
        message = "the address must be an https URL without user and password"
        raise UsageError(message)
    if parts.scheme == "http" and not may_be_plain(host, {}):
        message = f"{host} is another computer: fetch from it over https, not http"
        raise UsageError(message)
