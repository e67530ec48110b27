"""The API of the hub: one authenticated origin, JSON both ways, every failure one of ours."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import httpx

from orchestrator.client.answers import Answer, check_success, data_of, read_answer
from orchestrator.client.failures import translated
from orchestrator.client.retry import Patience, Repeat, Retrier
from orchestrator.client.settings import CloudSettings
from orchestrator.client.transfer import MOST_TRIES, SLOW, OpenFile, allowed_s, open_file
from orchestrator.errors import AnswerLost, CloudError, Misbehaving, Overloaded
from orchestrator.protocol.envelope import WireModel

T = TypeVar("T")

TIMEOUT = httpx.Timeout(20.0, connect=10.0, pool=60.0)
LONGEST_TRY_S = 60.0
CALL_DEADLINE_S = 150.0
MAX_ID_CHARS = 256


def at(*segments: str) -> str:
    """The path of a call. The ids in it came from a server, so each stays one segment. Raises Misbehaving."""
    for segment in segments:
        if segment in ("", ".", "..") or len(segment) > MAX_ID_CHARS:
            message = f"the cloud gave an id that no path can hold: {segment[:40]!r}"
            raise Misbehaving(message)
    return "/api/" + "/".join(quote(segment, safe="", errors="replace") for segment in segments)


@dataclass(frozen=True, kw_only=True)
class _Request:
    method: str
    url: httpx.URL
    place: str
    content: bytes | OpenFile | None = None
    content_type: str = "application/json"
    query: Mapping[str, str] | None = None
    repeat: Repeat = Repeat.ALWAYS


class Api:
    """The calls of one cloud. All raise CloudError, after asking again as long as that is safe and may help."""

    def __init__(self, settings: CloudSettings, client: httpx.AsyncClient, retrier: Retrier) -> None:
        self._base = settings.base_url.rstrip("/")
        self._key = settings.api_key
        self._client = client
        self._retrier = retrier

    async def get(
        self, path: str, answer: type[T], *, query: Mapping[str, str] | None = None, deadline_s: float = CALL_DEADLINE_S
    ) -> T:
        """What is there."""
        request = self._request("GET", path, query=query)
        return await self._persist(request, lambda found: data_of(found, answer), deadline_s)

    async def post(
        self,
        path: str,
        answer: type[T],
        *,
        body: WireModel | None = None,
        repeat: Repeat = Repeat.ALWAYS,
        already: Callable[[], Awaitable[T | None]] | None = None,
    ) -> T:
        """What was created. With IF_NOT_DONE every doubt whether it was created raises AnswerLost.

        `already` is asked before each further try: what it finds was created after all.
        """
        request = self._request("POST", path, body=body, repeat=repeat)
        return await self._persist(request, lambda found: data_of(found, answer), already=already)

    async def patch(
        self, path: str, body: WireModel, *, already: Callable[[], Awaitable[bool | None]] | None = None
    ) -> None:
        """Changes what is there; the answer's data does not matter. `already` is as for `post`."""
        await self._persist(self._request("PATCH", path, body=body), check_success, already=already)

    async def delete(self, path: str) -> None:
        """Removes what is there. That it is gone already raises Refused with status 404."""
        await self._persist(self._request("DELETE", path), check_success)

    async def put_file(self, address: str, file: Path, content_type: str) -> None:
        """Streams a file to an address of the API's own, absolute or relative to the base URL.

        Raises Misbehaving where it is another host's: the key goes nowhere else.
        """
        with open_file(file) as opened:
            seconds = allowed_s(opened.size_bytes)
            request = _Request(
                method="PUT",
                url=self._own(address),
                place=f"the upload of {file.name} to {self.host}",
                content=opened,
                content_type=content_type,
            )
            await self._persist(request, check_success, seconds)

    @property
    def host(self) -> str:
        """The API's host, and port where it is not the usual one, for messages."""
        return httpx.URL(self._base).netloc.decode("ascii")

    def _request(
        self,
        method: str,
        path: str,
        *,
        body: WireModel | None = None,
        query: Mapping[str, str] | None = None,
        repeat: Repeat = Repeat.ALWAYS,
    ) -> _Request:
        return _Request(
            method=method,
            url=httpx.URL(self._base + path),
            place=f"{method} {path} at {self.host}",
            content=None if body is None else json.dumps(body.to_wire(), allow_nan=False).encode(),
            query=query,
            repeat=repeat,
        )

    def _own(self, address: str) -> httpx.URL:
        is_absolute = address.lower().startswith(("http://", "https://"))
        with translated(f"the address of an upload at {self.host}"):
            url = httpx.URL(address if is_absolute else f"{self._base}/{address.lstrip('/')}")
            own = httpx.URL(self._base)
        if (url.scheme, url.host, url.port, url.userinfo) != (own.scheme, own.host, own.port, b""):
            message = f"{self.host} asks to send its key to another host ({url.host})"
            raise Misbehaving(message)
        return url

    async def _persist(
        self,
        request: _Request,
        read: Callable[[Answer], T],
        deadline_s: float = CALL_DEADLINE_S,
        *,
        already: Callable[[], Awaitable[T | None]] | None = None,
    ) -> T:
        tries, is_file = 0, isinstance(request.content, OpenFile)

        async def once(left_s: float) -> T:
            nonlocal tries
            tries += 1
            if already and tries > 1 and (found := await already()) is not None:
                return found
            return await self._try(request, read, left_s if is_file else min(left_s, LONGEST_TRY_S))

        patience = Patience(
            after=request.repeat.value, deadline_s=deadline_s, most_tries=MOST_TRIES if is_file else None
        )
        return await self._retrier.persist(once, patience, name=request.place)

    async def _try(self, request: _Request, read: Callable[[Answer], T], limit_s: float) -> T:
        answer = None
        try:
            answer = await self._send(request, limit_s)
            return read(answer)
        except CloudError as error:
            raise _told(error, answer, request.repeat) from None

    async def _send(self, request: _Request, limit_s: float) -> Answer:
        content = request.content
        headers = {"Authorization": f"Bearer {self._key.reveal()}", "Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = request.content_type
        if isinstance(content, OpenFile):
            headers["Content-Length"] = str(content.size_bytes)
        with translated(request.place):
            async with (
                asyncio.timeout(limit_s),
                self._client.stream(
                    request.method,
                    request.url,
                    content=content.blocks() if isinstance(content, OpenFile) else content,
                    params=request.query,
                    headers=headers,
                    timeout=SLOW if isinstance(content, OpenFile) else TIMEOUT,
                ) as response,
            ):
                return await read_answer(response, request.place, (self._key,))


def _told(error: CloudError, answer: Answer | None, repeat: Repeat) -> CloudError:
    """The error as the caller must take it: where repeating is no way out, a doubt is an AnswerLost.

    An unreadable success may be one, and a fault may have come after the deed.
    """
    if repeat is Repeat.ALWAYS or not isinstance(error, Misbehaving | Overloaded):
        return error
    if isinstance(error, Overloaded) and answer and answer.certainly_not_done:
        return error
    return AnswerLost(f"{error} (so it may have been carried out)")
