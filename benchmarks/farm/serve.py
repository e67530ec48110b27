"""Serves a simulated cloud from this process, on two sockets of the loopback interface."""

import asyncio
import sys
import threading

from farm.cloud import Cloud
from farm.fleet import Terms
from farm.http import Connection

HOST = "127.0.0.1"


async def serve(terms: Terms, *, key: str, port: int = 0) -> None:
    """Serves until the standard input ends, saying where on standard output once it is ready."""
    loop = asyncio.get_running_loop()
    cloud = Cloud(terms=terms, key=key)
    storage = await loop.create_server(lambda: Connection(cloud.answer_storage), HOST, 0)
    cloud.storage = _url(storage)
    api = await loop.create_server(lambda: Connection(cloud.answer_api), HOST, port)
    print(_url(api), flush=True)
    await _end_of_input()
    for server in (api, storage):
        server.close()


async def _end_of_input() -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, daemon=True).start()  # a daemon: Ctrl-C ends the process, whatever is read
    await ended.wait()


def _url(server: asyncio.Server) -> str:
    host, port = server.sockets[0].getsockname()[:2]
    return f"http://{host}:{port}"
