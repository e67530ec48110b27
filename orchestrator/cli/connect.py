"""Connects to the device cloud that a plan names, starting the local one where that is it."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.home import home, phone_tools
from orchestrator.client.cloud import Cloud, open_cloud
from orchestrator.client.settings import CloudSettings, settings_from_environment
from orchestrator.domain.plan import LocalPolicy
from orchestrator.domain.secret import Secret
from orchestrator.errors import UsageError
from orchestrator.history.lock import held

if TYPE_CHECKING:
    from orchestrator.localcloud.config import CloudConfig

LOCAL = "local"
HOST_ALONE = LocalPolicy()
KEY_VARIABLE = "BENCH_CLOUD_API_KEY"


@asynccontextmanager
async def connect(cloud: str, policy: LocalPolicy = HOST_ALONE) -> AsyncIterator[Cloud]:
    """An open cloud: `local` (started here, in this process, with the policy's devices), `hub`, or a URL."""
    server = _local_cloud(policy) if cloud == LOCAL else nullcontext(None)
    with server as local:
        settings = local or settings_from_environment(cloud, os.environ)
        async with open_cloud(settings) as opened:
            yield opened


@contextmanager
def _local_cloud(policy: LocalPolicy) -> Iterator[CloudSettings]:
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
        with_phones(CloudConfig(data_dir=data, api_key=key), policy) as config,
        running_server(config) as server,
    ):
        yield CloudSettings(base_url=server.base_url, api_key=Secret(key))


@contextmanager
def with_phones(config: "CloudConfig", policy: LocalPolicy) -> "Iterator[CloudConfig]":
    """The configuration of a local cloud, with the attached phones where the policy wants them. Raises UsageError."""
    if not policy.adb:
        yield config
        return
    from orchestrator.localcloud.android.beside import phones_beside
    from orchestrator.localcloud.android.care import Care

    care = Care(min_battery=policy.min_battery, cooldown_s=policy.cooldown_s)
    with phones_beside(config, tools=phone_tools(), care=care) as extended:
        yield extended


def local_data() -> Path:
    """The data folder of the local cloud that `cloud: local` starts."""
    return home() / "cloud"
