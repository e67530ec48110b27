"""The local cloud put together: two ASGI applications, the API and its storage, over one memory."""

import json
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.localcloud.answers import EXCEPTION_HANDLERS
from orchestrator.localcloud.artifacts import Artifacts
from orchestrator.localcloud.auth import BearerAuth
from orchestrator.localcloud.blobs import BlobStore
from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.device_cloud import DeviceCloud
from orchestrator.localcloud.fleet import Fleet
from orchestrator.localcloud.hub import Hub
from orchestrator.localcloud.jobs import Jobs
from orchestrator.localcloud.lanes import Lanes
from orchestrator.localcloud.links import Links
from orchestrator.localcloud.runner import Runner
from orchestrator.localcloud.secret_file import load_or_make_secret
from orchestrator.localcloud.signing import Signer
from orchestrator.localcloud.state import State
from orchestrator.localcloud.storage import Storage
from orchestrator.localcloud.sweep import sweep
from orchestrator.localcloud.tracking import Tracking
from orchestrator.localcloud.transfers import Transfers

API_DOCUMENT = Path(__file__).with_name("openapi.json")
STORAGE_DOCUMENT = Path(__file__).with_name("storage-openapi.json")


class LocalCloud:
    """One data folder being served. Only one at a time may be: whoever starts it holds a lock on the folder.

    As an ASGI application it is the storage on `storage_port` and the API everywhere else.
    """

    def __init__(self, config: CloudConfig, *, storage_port: int) -> None:
        config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._storage_port = storage_port
        self._state = State(config.data_dir)
        signer = Signer(load_or_make_secret(config.data_dir / "signing-key").encode())
        links = Links(config=config, signer=signer, storage_port=storage_port)
        store = BlobStore(self._state, config.data_dir, quota_bytes=config.storage_quota_bytes)
        artifacts = Artifacts(self._state, store, max_bytes=config.max_upload_bytes)
        transfers = Transfers(self._state, store)
        jobs = Jobs(self._state, store, quota=config.job_quota)

        def runner(lane: str) -> Runner:
            return Runner(lane, config, jobs, store, links, tidy=lambda: sweep(self._state, store, config))

        self.lanes = Lanes(config, jobs, runner)
        hub = Hub(config=config, tracking=Tracking(self._state), artifacts=artifacts, store=store, links=links)
        device_cloud = DeviceCloud(
            config=config,
            fleet=Fleet(config.devices),
            transfers=transfers,
            jobs=jobs,
            links=links,
            on_job=self.lanes.wake,
        )
        storage = Storage(config=config, signer=signer, store=store, transfers=transfers, artifacts=artifacts)
        key_check = Middleware(BearerAuth, api_key=config.api_key)
        self.api = _application([*hub.routes(), *device_cloud.routes()], API_DOCUMENT, [key_check])
        self.storage = _application(storage.routes(), STORAGE_DOCUMENT, [])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call, sent to the origin whose port the connection came in at."""
        app: ASGIApp = self.storage if scope["server"][1] == self._storage_port else self.api
        await app(scope, receive, send)

    def close(self) -> None:
        """Ends what is being measured and closes the database."""
        self.lanes.stop()
        self._state.close()


def _application(routes: list[Route], document: Path, middleware: list[Middleware]) -> Starlette:
    described = Route("/openapi.json", _describing(json.loads(document.read_text())), methods=["GET"])
    app = Starlette(routes=[described, *routes], middleware=middleware, exception_handlers=EXCEPTION_HANDLERS)
    app.router.redirect_slashes = False
    return app


def _describing(document: dict[str, Any]) -> Any:
    async def endpoint(_request: Request) -> Response:
        return JSONResponse(document)

    return endpoint
