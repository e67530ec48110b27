"""HTTP/1.1 as far as this benchmark needs it, in a few microseconds a request: the cloud must not be what is measured.

Bodies have a Content-Length; whatever else arrives ends the connection.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

REASONS = {200: "OK", 201: "Created", 204: "No Content", 401: "Unauthorized", 404: "Not Found", 422: "Unprocessable"}
END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, kw_only=True)
class Request:
    """A whole request. `parts` are the path's segments; names of headers are in lower case."""

    method: str
    parts: tuple[str, ...]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body's object; {} where there is no body."""
        return json.loads(self.body) if self.body else {}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"


def data(content: Any, status: int = 200) -> Answer:
    """A success of the protocol."""
    return Answer(status=status, body=json.dumps({"data": content}).encode())


def refusal(status: int, message: str) -> Answer:
    """A failure of the protocol."""
    return Answer(status=status, body=json.dumps({"message": message}).encode())


Handle = Callable[[Request], Answer]


class Connection(asyncio.Protocol):
    """One client's connection, kept alive. `handle` answers at once."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remembers where answers go."""
        self._transport: Any = transport

    def data_received(self, received: bytes) -> None:
        """Answers every request that is whole."""
        self._received += received
        while (end := self._received.find(END_OF_HEAD)) >= 0:
            line, *lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
            begin = end + len(END_OF_HEAD)
            size_bytes = int(headers.get("content-length", 0))
            if "transfer-encoding" in headers:
                self._transport.close()
                return
            if len(self._received) < begin + size_bytes:
                return
            body = bytes(self._received[begin : begin + size_bytes])
            del self._received[: begin + size_bytes]
            self._answer(line, headers, body)

    def _answer(self, line: str, headers: Mapping[str, str], body: bytes) -> None:
        method, target, _ = line.split(" ")
        url = urlsplit(target)
        parts = tuple(map(unquote, url.path.strip("/").split("/")))
        query = parse_qs(url.query)
        answer = self._handle(Request(method=method, parts=parts, query=query, headers=headers, body=body))
        head = (
            f"HTTP/1.1 {answer.status} {REASONS[answer.status]}\r\n"
            f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + answer.body)
