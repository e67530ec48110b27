"""The open cloud: everything that talks to it, over two shared pools of connections.

One pool goes to the API and carries the key; the other goes to storage hosts and carries nothing but the request.
"""

import importlib.util
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from orchestrator.client.bundle import build_bundle
from orchestrator.client.device_cloud import DeviceCloudClient
from orchestrator.client.http import Api
from orchestrator.client.hub import HubClient
from orchestrator.client.results import read_outcome
from orchestrator.client.retry import Gate, Retrier, Waiting
from orchestrator.client.settings import CloudSettings
from orchestrator.client.storage import Storage

__all__ = ["Cloud", "build_bundle", "open_cloud", "read_outcome"]

# Idle connections go soon: one that the server closes just when a job is submitted makes its answer a lost one.
API_LIMITS = httpx.Limits(max_connections=16, max_keepalive_connections=16, keepalive_expiry=4.0)
STORAGE_LIMITS = httpx.Limits(max_connections=8, max_keepalive_connections=8, keepalive_expiry=4.0)


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """The two halves of one hub."""

    hub: HubClient
    device_cloud: DeviceCloudClient


@asynccontextmanager
async def open_cloud(
    settings: CloudSettings,
    *,
    api_transport: httpx.AsyncBaseTransport | None = None,
    storage_transport: httpx.AsyncBaseTransport | None = None,
    waiting: Waiting | None = None,
) -> AsyncIterator[Cloud]:
    """Opens the cloud until the block ends; nothing is sent by it. Tests give transports, and time, of their own."""
    _silence_url_logging()
    _spare_futile_imports()
    waiting = waiting or Waiting()
    async with (
        httpx.AsyncClient(transport=api_transport, limits=API_LIMITS, follow_redirects=False) as api_client,
        httpx.AsyncClient(transport=storage_transport, limits=STORAGE_LIMITS, follow_redirects=False) as plain_client,
    ):
        api = Api(settings, api_client, Retrier(waiting=waiting, gate=Gate(waiting)))
        storage = Storage(plain_client, Retrier(waiting=waiting, gate=Gate(waiting)))
        yield Cloud(hub=HubClient(api, storage), device_cloud=DeviceCloudClient(api, storage))


def _spare_futile_imports() -> None:
    """httpcore asks for sniffio anew for each lock it makes; where it is not installed, that searches every path."""
    if "sniffio" not in sys.modules and importlib.util.find_spec("sniffio") is None:
        sys.modules["sniffio"] = None  # type: ignore[assignment]  # how Python remembers that there is none


def _silence_url_logging() -> None:
    """httpx logs whole URLs at INFO, httpcore requests and headers at DEBUG: signed URLs and keys among them."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
