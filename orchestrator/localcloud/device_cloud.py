"""The device-cloud calls: devices, uploads, downloads, jobs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.localcloud import bodies
from orchestrator.localcloud.answers import answer, created
from orchestrator.localcloud.bodies import read_body
from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.fleet import Fleet
from orchestrator.localcloud.jobs import Jobs
from orchestrator.localcloud.links import Links
from orchestrator.localcloud.receiving import has_body
from orchestrator.localcloud.transfers import Transfers
from orchestrator.protocol.device_cloud import DOWNLOAD_READY, Download, JobArtifacts, Upload, UploadBody

ROOT = "/api/device-cloud"


@dataclass(frozen=True, kw_only=True)
class DeviceCloud:
    """The endpoints over devices, transfers and the queue. `on_job` is told of every new job."""

    config: CloudConfig
    fleet: Fleet
    transfers: Transfers
    jobs: Jobs
    links: Links
    on_job: Callable[[], None]

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route(f"{ROOT}/devices", self.list_devices, methods=["GET"]),
            Route(f"{ROOT}/uploads", self.make_upload, methods=["POST"]),
            Route(f"{ROOT}/downloads", self.make_download, methods=["POST"]),
            Route(f"{ROOT}/downloads/{{download}}", self.download, methods=["GET"]),
            Route(f"{ROOT}/jobs", self.submit_job, methods=["POST"]),
            Route(f"{ROOT}/jobs/{{job}}", self.job, methods=["GET"]),
            Route(f"{ROOT}/jobs/{{job}}/artifacts", self.job_artifacts, methods=["GET"]),
        ]

    async def list_devices(self, _request: Request) -> Response:
        """All devices."""
        return answer(await run_in_threadpool(self.fleet.present))

    async def make_upload(self, request: Request) -> Response:
        """Where a bundle goes: for ANDROID without a body, for IOS with the type."""
        platform: Any = "ANDROID"
        if has_body(request):
            await read_body(request, UploadBody, self.config)
            platform = "IOS"
        row = await run_in_threadpool(self.transfers.make_upload, platform)
        return created(Upload(id=row.id, url=self.links.bundle(request, row.id), created_at=row.created_at))

    async def make_download(self, request: Request) -> Response:
        """Where a device will put its results."""
        return created(self._wire_download(request, await run_in_threadpool(self.transfers.make_download)))

    async def download(self, request: Request) -> Response:
        """The same, and once they are there, where they are fetched."""
        row = await run_in_threadpool(self.transfers.download, request.path_params["download"])
        return answer(self._wire_download(request, row))

    async def submit_job(self, request: Request) -> Response:
        """A new job."""
        body = await read_body(request, bodies.NewJob, self.config)
        device = await run_in_threadpool(self.fleet.find, body.device_name)
        job = await run_in_threadpool(self.jobs.submit, body, device)
        await run_in_threadpool(self.on_job)
        return created(job)

    async def job(self, request: Request) -> Response:
        """A job's status."""
        return answer(await run_in_threadpool(self.jobs.job, request.path_params["job"]))

    async def job_artifacts(self, request: Request) -> Response:
        """Where a job's results are fetched."""
        job_id = request.path_params["job"]
        blob_id = await run_in_threadpool(self.jobs.results_id, job_id)
        return answer(JobArtifacts(job_id=job_id, url=self.links.results(request, blob_id), extension="zip"))

    def _wire_download(self, request: Request, row: sa.Row[Any]) -> Download:
        if row.blob_id is None:
            status, url = "PENDING", self.links.download(request, row.id)
        else:
            status, url = DOWNLOAD_READY, self.links.results(request, row.blob_id)
        return Download(id=row.id, url=url, created_at=row.created_at, status=status)
