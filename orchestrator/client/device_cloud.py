"""The device cloud: devices, and the one way of a job from its reserved download to its results."""

import logging
from dataclasses import dataclass
from pathlib import Path

from orchestrator.client.foreign_text import harmless
from orchestrator.client.http import Api, at
from orchestrator.client.retry import Repeat
from orchestrator.client.storage import Storage
from orchestrator.client.transfer import Fetched
from orchestrator.client.translate import MAX_STATUS_CHARS, is_known, to_device, to_phase
from orchestrator.domain.device import Device, Platform
from orchestrator.domain.job import Phase
from orchestrator.domain.secret import Secret
from orchestrator.protocol import device_cloud as wire

MAX_DEVICES = 10_000
MAX_RESULTS_BYTES = 512 * 2**20
MAX_REMEMBERED = 100
FIRST_CONTACT_S = 20.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """A place for a device to put its results, at `url`."""

    id: str
    url: Secret


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A place for a bundle, at `url`."""

    id: str
    url: Secret


@dataclass(frozen=True, kw_only=True)
class JobView:
    """A look at a job: the cloud's own status, what it means, and the verdict that some hubs add ("" if none)."""

    status: str
    phase: Phase
    verdict: str = ""


@dataclass(frozen=True, kw_only=True)
class DownloadView:
    """A look at a download. Once `ready`, the results can be fetched at `url`; before, a device can put them there."""

    ready: bool
    status: str
    url: Secret


class DeviceCloudClient:
    """The device-cloud calls of one hub. All methods raise CloudError."""

    def __init__(self, api: Api, storage: Storage) -> None:
        self._api = api
        self._storage = storage
        self._unknown_seen: set[str] = set()

    async def devices(self) -> tuple[Device, ...]:
        """All devices of a known platform, each name once. As the first contact it does not persist for long."""
        path = at("device-cloud", "devices")
        told = await self._api.get(path, list[wire.Device], deadline_s=FIRST_CONTACT_S)
        known = [device for device in map(to_device, told[:MAX_DEVICES]) if device]
        if len(known) < len(told):
            logger.warning(
                "%d devices of the cloud are left out: an unknown platform, or no name that can be used",
                len(told) - len(known),
            )
        return tuple({device.name: device for device in reversed(known)}.values())[::-1]

    async def reserve_download(self) -> Reservation:
        """Reserves where a device will put its results."""
        download = await self._api.post(at("device-cloud", "downloads"), wire.Download)
        return Reservation(id=download.id, url=Secret(download.url))

    async def create_upload(self, platform: Platform) -> Upload:
        """Makes a place for a bundle of that platform."""
        body = wire.UploadBody(type="APPIUM_PYTHON_TEST_PACKAGE") if platform is Platform.IOS else None
        upload = await self._api.post(at("device-cloud", "uploads"), wire.Upload, body=body)
        return Upload(id=upload.id, url=Secret(upload.url))

    async def send_bundle(self, upload: Upload, bundle: Path) -> None:
        """Streams a bundle to its place."""
        await self._storage.put(upload.url, bundle, content_type=wire.BUNDLE_CONTENT_TYPE)

    async def submit(self, upload_id: str, device_name: str) -> str:
        """Submits a job; its id. Raises AnswerLost wherever it may have been submitted without our knowing."""
        body = wire.JobBody(model_upload_id=upload_id, device_name=device_name)
        return (await self._api.post(at("device-cloud", "jobs"), wire.Job, body=body, repeat=Repeat.IF_NOT_DONE)).id

    async def job(self, job_id: str) -> JobView:
        """How a job stands."""
        job = await self._api.get(at("device-cloud", "jobs", job_id), wire.Job)
        status = harmless(job.status, MAX_STATUS_CHARS)
        if not is_known(status):
            self._say_once(status)
        return JobView(status=status, phase=to_phase(status), verdict=harmless(job.result or "", MAX_STATUS_CHARS))

    def _say_once(self, status: str) -> None:
        if status not in self._unknown_seen and len(self._unknown_seen) < MAX_REMEMBERED:
            self._unknown_seen.add(status)
            logger.warning("the cloud gave a job the unknown status %r; it counts as active", status)

    async def download(self, download_id: str) -> DownloadView:
        """How a download stands."""
        download = await self._api.get(at("device-cloud", "downloads", download_id), wire.Download)
        status = harmless(download.status, MAX_STATUS_CHARS)
        return DownloadView(ready=status == wire.DOWNLOAD_READY, status=status, url=Secret(download.url))

    async def artifacts_url(self, job_id: str) -> Secret:
        """Where a finished job's files can be fetched."""
        return Secret((await self._api.get(at("device-cloud", "jobs", job_id, "artifacts"), wire.JobArtifacts)).url)

    async def fetch_results(self, url: Secret, to: Path) -> Fetched:
        """Fetches a job's results, bounded."""
        return await self._storage.get(url, to, max_bytes=MAX_RESULTS_BYTES)
