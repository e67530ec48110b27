"""A cloud of canned answers, a clock that only sleeping moves, and a socket server that breaks the wire."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from orchestrator.client.cloud import Cloud, open_cloud
from orchestrator.client.retry import Waiting
from orchestrator.client.settings import CloudSettings
from orchestrator.domain.secret import Secret

KEY = "key-that-nobody-may-see"
BASE = "https://hub.example/base"


@dataclass
class FakeTime:
    """Sleeping takes no time and moves the clock. Jitter is always the whole wait, so that waits are exact."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    @property
    def waiting(self) -> Waiting:
        return Waiting(clock=lambda: self.now, sleep=self.sleep, fraction=lambda: 1.0)


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


Use = Callable[[Cloud], Awaitable[Any]]
Answers = list[httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]]


@dataclass
class Scripted:
    """A cloud whose answers come from two lists, in order; what was asked is kept."""

    fake_time: FakeTime
    api: Answers = field(default_factory=list)
    storage: Answers = field(default_factory=list)
    asked: list[httpx.Request] = field(default_factory=list)
    asked_storage: list[httpx.Request] = field(default_factory=list)

    def run(self, use: Use) -> Any:
        """Opens the cloud, and what `use` makes of it."""

        async def main() -> Any:
            async with open_cloud(
                CloudSettings(base_url=BASE, api_key=Secret(KEY)),
                api_transport=httpx.MockTransport(self._answering(self.api, self.asked)),
                storage_transport=httpx.MockTransport(self._answering(self.storage, self.asked_storage)),
                waiting=self.fake_time.waiting,
            ) as cloud:
                return await use(cloud)

        return asyncio.run(main())

    def sent(self, place: int = 0) -> Any:
        """The JSON body of a request to the API."""
        return json.loads(self.asked[place].content)

    @staticmethod
    def _answering(answers: Answers, asked: list[httpx.Request]) -> Callable[[httpx.Request], Awaitable[Any]]:
        async def answer(request: httpx.Request) -> httpx.Response:
            await request.aread()
            asked.append(request)
            assert answers, f"an unexpected {request.method} {request.url}"
            given = answers.pop(0)
            if isinstance(given, Exception):
                raise given
            return given if isinstance(given, httpx.Response) else given(request)

        return answer


@pytest.fixture
def scripted(fake_time: FakeTime) -> Scripted:
    return Scripted(fake_time=fake_time)


@pytest.fixture
def data() -> Callable[..., httpx.Response]:
    """Makes a success of the protocol."""
    return lambda content, status=200: httpx.Response(status, json={"data": content})


@dataclass
class RawServer:
    """A socket that answers each request with the next of its scripts, byte by byte as these will.

    On a busy computer a client may leave before it has asked, and come again.
    """

    port: int
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def met(self, expected: int) -> int:
        """How many requests arrived, once there are as many as expected: a client may leave before it is read."""
        patience = time.monotonic() + 10
        while len(self.requests) < expected and time.monotonic() < patience:
            time.sleep(0.01)
        return len(self.requests)


def _read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        block = connection.recv(65536)
        if not block:
            return b""
        received += block
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    while len(body) < length and (block := connection.recv(65536)):
        body += block
    return head + b"\r\n\r\n" + body


@contextmanager
def _serving(scripts: list[Callable[[socket.socket], None]]) -> Iterator[RawServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as threads:
        server, remaining = RawServer(port=listener.getsockname()[1]), iter(scripts)

        def accept() -> None:
            with suppress(OSError):  # the listener was shut down
                while True:
                    threads.submit(play, listener.accept()[0])

        def play(connection: socket.socket) -> None:
            with connection, suppress(BrokenPipeError, ConnectionResetError):  # the client may have had enough
                if request := _read_request(connection):
                    server.requests.append(request)
                    if script := next(remaining, None):
                        script(connection)

        accepting = threading.Thread(target=accept)
        accepting.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


@pytest.fixture
def raw_server() -> Iterator[Callable[..., RawServer]]:
    """Starts a server of scripts, one a connection; each gets the connected socket after a whole request."""
    with ExitStack() as stack:
        yield lambda *scripts: stack.enter_context(_serving(list(scripts)))


@pytest.fixture
def over_sockets(fake_time: FakeTime) -> Callable[[str, Use], Any]:
    """Uses a cloud at a real address; only the waiting between tries is taken out."""

    def run(url: str, use: Use) -> Any:
        async def main() -> Any:
            settings = CloudSettings(base_url=url, api_key=Secret(KEY))
            async with open_cloud(settings, waiting=fake_time.waiting) as cloud:
                return await use(cloud)

        return asyncio.run(main())

    return run
