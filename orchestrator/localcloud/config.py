"""What a local device cloud is started with: its folder, key, ports, limits, and who measures."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Literal, Protocol

from orchestrator.errors import UsageError
from orchestrator.localcloud.secret_file import load_or_make_secret
from orchestrator.protocol.device_cloud import Device

if TYPE_CHECKING:
    from orchestrator.localcloud.worker import WorkOrder

MIB = 2**20
GIB = 2**30
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
API_KEY_FILE = "api-key"


class Execute(Protocol):
    """Measures one model and returns the results zip it wrote in `scratch`; `stop` ends it early.

    Anything it raises ends its job without results.
    """

    def __call__(self, order: "WorkOrder", scratch: Path, *, stop: Event | None = None) -> Path:
        """Carries out the order; called in a thread, one call of a lane at a time."""


def _on_this_host(order: "WorkOrder", scratch: Path, *, stop: Event | None = None) -> Path:
    from orchestrator.localcloud.worker import execute

    return execute(order, scratch, stop=stop)


def _one_lane(_device_name: str) -> str:
    return "host"


def _of_this_host() -> tuple[Device, ...]:
    from orchestrator.localcloud.host import host_devices

    return host_devices()


@dataclass(frozen=True, kw_only=True)
class CloudConfig:
    """One local cloud. Ports of 0 are chosen by the system; `key_was_given` says that somebody chose `api_key`.

    `url_ttl_s` is how long a signed URL holds, `device_url_ttl_s` the same for the one a bundle carries, which must
    outlive the queue. `ios_linger_s` is how long an IOS job stays in STOPPING with its results already published.
    `stall_timeout_s` ends a request whose body stops arriving. Bundles are deleted `bundle_keep_s` after their last
    job, results `results_keep_s` after theirs. `job_quota` counts unfinished jobs. `devices` is asked anew for every
    list; those of one `lane` would disturb each other, so that one of them measures at a time. Raises UsageError on a
    host that others can reach with a key that nobody chose.
    """

    data_dir: Path
    api_key: str = field(repr=False)
    key_was_given: bool = False
    host: str = "127.0.0.1"
    port: int = 0
    storage_port: int = 0
    upload_mode: Literal["SIGNED_URL", "API"] = "SIGNED_URL"
    max_body_bytes: int = 8 * MIB
    max_upload_bytes: int = 8 * GIB
    storage_quota_bytes: int = 64 * GIB
    job_quota: int = 1000
    url_ttl_s: float = HOUR_S
    device_url_ttl_s: float = DAY_S
    job_timeout_s: float = 600.0
    ios_linger_s: float = 1.0
    stall_timeout_s: float = 30.0
    bundle_keep_s: float = HOUR_S
    results_keep_s: float = 7 * DAY_S
    execute: Execute = _on_this_host
    lane: Callable[[str], str] = _one_lane
    devices: Callable[[], tuple[Device, ...]] = _of_this_host

    @property
    def scratch(self) -> Path:
        """The folder for what is being measured, emptied at every start."""
        return self.data_dir / "scratch"

    def __post_init__(self) -> None:
        """Refuses what would be unsafe to serve."""
        if not (self.api_key.isascii() and self.api_key.isprintable() and self.api_key.strip()):
            message = "the device cloud's key must be printable ASCII text: set another BENCH_CLOUD_API_KEY"
            raise UsageError(message)
        if not self.key_was_given and not _is_loopback(self.host):
            message = f"{self.host} can be reached from outside: choose a key and set it as BENCH_CLOUD_API_KEY"
            raise UsageError(message)


def load_or_make_key(data_dir: Path) -> str:
    """The API key a data folder keeps for a cloud that was given none. Raises OSError where it cannot be kept."""
    return load_or_make_secret(data_dir / API_KEY_FILE)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
