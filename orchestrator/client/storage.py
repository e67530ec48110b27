"""Signed URLs: another host, no credentials, and addresses that are secrets themselves.

A message names the host alone. What the storage says is left out of it: it may repeat the address.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import httpx

from orchestrator.client.answers import BAD_REQUEST, TRY_LATER, retry_after_s
from orchestrator.client.failures import translated
from orchestrator.client.retry import Patience, Retrier
from orchestrator.client.transfer import MOST_TRIES, SLOW, Fetched, OpenFile, Unrepeatable, allowed_s, open_file, save
from orchestrator.domain.secret import Secret
from orchestrator.errors import (
    AnswerLost,
    Misbehaving,
    Overloaded,
    StorageRefused,
    TransferBroken,
    Unreachable,
)

T = TypeVar("T")

MAX_URL_CHARS = 16 * 1024
REPEATED = (Unreachable, AnswerLost, Overloaded, TransferBroken)


class Storage:
    """Puts and gets by signed URL. Both raise StorageRefused where only another URL may help."""

    def __init__(self, client: httpx.AsyncClient, retrier: Retrier) -> None:
        self._client = client
        self._retrier = retrier

    async def put(
        self, url: Secret, file: Path, *, content_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Streams a file to a signed URL."""
        target = _checked(url)
        place = f"the upload of {file.name} to {target.host}"
        with open_file(file) as opened:
            seconds = allowed_s(opened.size_bytes)

            async def once(left_s: float) -> None:
                with translated(place):
                    await self._put(target, opened, {**(headers or {}), "Content-Type": content_type}, place, left_s)

            await self._persist(once, seconds, place)

    async def get(self, url: Secret, to: Path, *, max_bytes: int) -> Fetched:
        """Fetches a file: whole and on the disk, or not at all.

        Raises TransferBroken where it still ends early after all tries, or is larger than `max_bytes`.
        """
        source = _checked(url)
        place = f"the download from {source.host}"

        async def once(left_s: float) -> Fetched:
            with translated(place):
                return await self._get(source, to, max_bytes, place, left_s)

        return await self._persist(once, allowed_s(max_bytes), place)

    async def _persist(self, once: Callable[[float], Awaitable[T]], deadline_s: float, place: str) -> T:
        patience = Patience(after=REPEATED, never=(Unrepeatable,), deadline_s=deadline_s, most_tries=MOST_TRIES)
        return await self._retrier.persist(once, patience, name=place)

    async def _put(
        self, target: httpx.URL, opened: OpenFile, headers: Mapping[str, str], place: str, limit_s: float
    ) -> None:
        sent = {**headers, "Content-Length": str(opened.size_bytes)}
        async with (
            asyncio.timeout(limit_s),
            self._client.stream("PUT", target, content=opened.blocks(), headers=sent, timeout=SLOW) as response,
        ):
            _check(response, place)

    async def _get(self, source: httpx.URL, to: Path, max_bytes: int, place: str, limit_s: float) -> Fetched:
        """One try. Bytes are taken as they come: a length is announced for those, and a packed bomb stays packed."""
        headers = {"Accept-Encoding": "identity"}
        async with (
            asyncio.timeout(limit_s),
            self._client.stream("GET", source, headers=headers, timeout=SLOW) as response,
        ):
            _check(response, place)
            announced = _announced(response)
            if announced is not None and announced > max_bytes:
                message = f"{place}: {announced} bytes, more than {max_bytes}"
                raise Unrepeatable(message)
            try:
                return await save(response.aiter_raw(), to, max_bytes=max_bytes, announced_bytes=announced)
            except httpx.TransportError as error:
                message = f"{place} ended early ({type(error).__name__})"
                raise TransferBroken(message) from None


def _checked(url: Secret) -> httpx.URL:
    """The URL, if it may be used: user and password in it would become credentials. Raises Misbehaving."""
    text = url.reveal()
    with translated("a signed URL"):
        parsed = httpx.URL(text) if len(text) <= MAX_URL_CHARS else httpx.URL()
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo:
        message = "the cloud gave a signed URL that is none"
        raise Misbehaving(message)
    return parsed


def _announced(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _check(response: httpx.Response, place: str) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    if status in TRY_LATER or status >= 500:
        message = f"{place}: {status}"
        raise Overloaded(message, status=status, retry_after_s=retry_after_s(response.headers))
    if status < BAD_REQUEST:
        message = f"{place}: {status}, which is no answer to it"
        raise Misbehaving(message)
    message = f"{place} was refused ({status}); its URL may have expired"
    raise StorageRefused(message, status=status)
