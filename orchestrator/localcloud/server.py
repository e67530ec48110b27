"""Serves a local cloud on two sockets of its own: in this process beside other work, or as the command."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from orchestrator.errors import UsageError
from orchestrator.localcloud.app import LocalCloud
from orchestrator.localcloud.config import API_KEY_FILE, CloudConfig

GRACE_S = 2  # what answers under way get when the server stops
KEEP_ALIVE_S = 75  # longer than clients keep an idle connection, so that the server never closes one under a request


@dataclass(frozen=True, kw_only=True)
class RunningServer:
    """Where a cloud is served: the API, and the storage that its signed URLs lead to."""

    base_url: str
    storage_url: str


@contextmanager
def running_server(config: CloudConfig) -> Iterator[RunningServer]:
    """Serves from a thread while the block runs; ready when it begins, nothing is left when it ends.

    Raises UsageError where a port is taken or the data folder cannot be used.
    """
    with ExitStack() as stack:
        api = stack.enter_context(_listening(config.host, config.port))
        storage = stack.enter_context(_listening(config.host, config.storage_port))
        cloud = stack.enter_context(_started(config, storage.getsockname()[1]))
        stack.enter_context(_serving(cloud, [api, storage]))
        yield RunningServer(base_url=_url(api), storage_url=_url(storage))


def serve(config: CloudConfig) -> None:
    """Serves until SIGINT or SIGTERM, saying where on standard output. Raises as `running_server` does."""
    stopped = threading.Event()
    with _on_signals(stopped.set), running_server(config) as server:
        print(f"the device cloud listens on {server.base_url} (storage on {server.storage_url})", flush=True)
        if not config.key_was_given:
            print(f"its key is in {config.data_dir / API_KEY_FILE}", flush=True)
        stopped.wait()


@contextmanager
def _on_signals(stop: Callable[[], None]) -> Iterator[None]:
    def handle(_signal: int, _frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _started(config: CloudConfig, storage_port: int) -> Iterator[LocalCloud]:
    """The cloud with its queue at work."""
    try:
        cloud = LocalCloud(config, storage_port=storage_port)
        cloud.lanes.start()
    except (SQLAlchemyError, OSError) as error:
        reason = str(getattr(error, "orig", error))
        message = f"the data folder {config.data_dir} cannot be used: {reason}; repair it or choose another"
        raise UsageError(message) from error
    try:
        yield cloud
    finally:
        cloud.close()


class _Server(uvicorn.Server):
    """Says when it accepts connections."""

    def __init__(self, config: uvicorn.Config, ready: Future[None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, and then the word."""
        await super().startup(sockets)
        self._ready.set_result(None)


@contextmanager
def _serving(cloud: LocalCloud, sockets: list[socket.socket]) -> Iterator[None]:
    """A thread with a loop of its own that answers on the sockets."""
    settings = uvicorn.Config(
        cloud,
        lifespan="off",
        ws="none",
        http="h11",
        loop="asyncio",
        access_log=False,  # it would hold signed URLs
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    ready: Future[None] = Future()
    server = _Server(settings, ready)
    thread = threading.Thread(target=_run, args=(server, sockets, ready), name="device-cloud")
    thread.start()
    try:
        ready.result()
        yield
    finally:
        server.should_exit = True
        thread.join()


def _run(server: uvicorn.Server, sockets: list[socket.socket], ready: Future[None]) -> None:
    try:
        asyncio.run(server.serve(sockets=sockets))
    except BaseException as error:
        if ready.done():
            raise
        ready.set_exception(error)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    # without the protocol's name asyncio leaves Nagle's algorithm on, which holds back every body for 40 ms
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, proto=socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()
        except OSError as error:
            message = f"cannot listen on {host} port {port}: {error.strerror}; choose another with --port"
            raise UsageError(message) from None
        yield listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
