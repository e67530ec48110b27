"""The storage's own origin: takes bundles, artifacts and results, gives results back. A signature is the only key."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from orchestrator.localcloud.artifacts import Artifacts
from orchestrator.localcloud.blobs import Blob, BlobStore
from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.links import ARTIFACTS, BUNDLES, CONTENT_TYPES, DOWNLOADS, RESULTS
from orchestrator.localcloud.receiving import receive_into
from orchestrator.localcloud.refusal import Refusal
from orchestrator.localcloud.signing import Signer
from orchestrator.localcloud.transfers import Transfers
from orchestrator.protocol.device_cloud import BUNDLE_CONTENT_TYPE
from orchestrator.protocol.hub import LENGTH_RANGE_HEADER

BLOCK_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class Storage:
    """The endpoints over the stored bytes."""

    config: CloudConfig
    signer: Signer
    store: BlobStore
    transfers: Transfers
    artifacts: Artifacts

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route(BUNDLES + "{target}", self.put_bundle, methods=["PUT"]),
            Route(ARTIFACTS + "{target}", self.put_artifact, methods=["PUT"]),
            Route(DOWNLOADS + "{target}", self.put_results, methods=["PUT"]),
            Route(RESULTS + "{target}", self.get_results, methods=["GET"]),
        ]

    async def put_bundle(self, request: Request) -> Response:
        """A bundle, from the client."""
        limit_bytes = self._permitted(request, content_type=CONTENT_TYPES[BUNDLES])
        return await self._take(request, limit_bytes, self.transfers.check_upload, self.transfers.fill_upload)

    async def put_artifact(self, request: Request) -> Response:
        """An artifact, from the client; the header that bounds its size is part of what was signed."""
        limit_bytes = self._permitted(request, content_type=CONTENT_TYPES[ARTIFACTS])
        if request.headers.get(LENGTH_RANGE_HEADER) != f"0,{limit_bytes}":
            raise Refusal(403, f"the header {LENGTH_RANGE_HEADER} is not what was signed")
        return await self._take(request, limit_bytes, self.artifacts.size_to_upload, self.artifacts.fill)

    async def put_results(self, request: Request) -> Response:
        """Results, from a device that is not this host."""
        limit_bytes = self._permitted(request, content_type=CONTENT_TYPES[DOWNLOADS])
        return await self._take(request, limit_bytes, self.transfers.check_download, self.transfers.fill_download)

    async def get_results(self, request: Request) -> Response:
        """Results, to the client."""
        self._permitted(request)
        file, size_bytes = await run_in_threadpool(self.store.open, request.path_params["target"])
        headers = {"Content-Length": str(size_bytes)}
        return StreamingResponse(_blocks(file), media_type=BUNDLE_CONTENT_TYPE, headers=headers)

    def _permitted(self, request: Request, *, content_type: str = "") -> int:
        """The size that was signed. A content type must be sent exactly as it was signed, where one was."""
        if "authorization" in request.headers:
            raise Refusal(400, "a signed URL takes no Authorization header: the key is for the API alone")
        sent_type = request.headers.get("content-type", "") if content_type else ""
        return self.signer.check(request.method, request.scope["path"], request.query_params, content_type=sent_type)

    async def _take(
        self, request: Request, limit_bytes: int, check: Callable[[str], object], fill: Callable[[str, Blob], None]
    ) -> Response:
        """Asks whether the bytes are wanted before they come, and hands them over once they are stored."""
        target = request.path_params["target"]
        await run_in_threadpool(check, target)
        blob = await receive_into(self.store, request, limit_bytes=limit_bytes, config=self.config)
        await run_in_threadpool(fill, target, blob)
        return Response(status_code=200)


async def _blocks(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while block := await run_in_threadpool(file.read, BLOCK_BYTES):
            yield block
