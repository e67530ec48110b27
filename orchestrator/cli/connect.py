"""Connects to the device cloud that a plan names, starting the local one where that is it."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path

from orchestrator.cli.home import home
from orchestrator.client.cloud import Cloud, open_cloud
from orchestrator.client.settings import CloudSettings, settings_from_environment
from orchestrator.domain.secret import Secret
from orchestrator.errors import UsageError
from orchestrator.history.lock import held

LOCAL = "local"
KEY_VARIABLE = "BENCH_CLOUD_API_KEY"


@asynccontextmanager
async def connect(cloud: str) -> AsyncIterator[Cloud]:
    """An open cloud: `local` (started here, in this process), `hub`, or a URL."""
    server = _local_cloud() if cloud == LOCAL else nullcontext(None)
    with server as local:
        settings = local or settings_from_environment(cloud, os.environ)
        async with open_cloud(settings) as opened:
            yield opened


@contextmanager
def _local_cloud() -> Iterator[CloudSettings]:
    try:
        from orchestrator.localcloud.config import CloudConfig, load_or_make_key
        from orchestrator.localcloud.server import running_server
    except ModuleNotFoundError as error:
        message = f"the local cloud needs the package {error.name!r}: pip install 'device-bench[local]'"
        raise UsageError(message) from None
    data = local_data()
    key = load_or_make_key(data)
    with (
        held(data / "cloud.lock", "the local cloud's data folder"),
        running_server(CloudConfig(data_dir=data, api_key=key)) as server,
    ):
        yield CloudSettings(base_url=server.base_url, api_key=Secret(key))


def local_data() -> Path:
    """The data folder of the local cloud that `cloud: local` starts."""
    return home() / "cloud"
