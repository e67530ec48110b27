"""The hub's tracking calls: projects, runs, params, metrics, tags, artifacts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.localcloud import bodies
from orchestrator.localcloud.answers import answer, created
from orchestrator.localcloud.artifacts import Artifacts
from orchestrator.localcloud.blobs import BlobStore
from orchestrator.localcloud.bodies import read_body
from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.links import Links
from orchestrator.localcloud.receiving import receive_into
from orchestrator.localcloud.refusal import Refusal
from orchestrator.localcloud.tracking import Tracking
from orchestrator.protocol.hub import ArtifactPatch, ArtifactUploadUrl

RUN = "/api/projects/{project}/runs/{run}"
ARTIFACT = "/api/artifacts/{artifact}"


@dataclass(frozen=True, kw_only=True)
class Hub:
    """The endpoints over the books."""

    config: CloudConfig
    tracking: Tracking
    artifacts: Artifacts
    store: BlobStore
    links: Links

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/api/projects", self.find_project, methods=["GET"]),
            Route("/api/projects", self.make_project, methods=["POST"]),
            Route("/api/projects/{project}/runs", self.make_run, methods=["POST"]),
            Route(RUN, self.run, methods=["GET"]),
            Route(RUN, self.change_run, methods=["PATCH"]),
            Route(f"{RUN}/params", self._logging(bodies.Param, self.tracking.log_param), methods=["POST"]),
            Route(f"{RUN}/metrics", self._logging(bodies.Metric, self.tracking.log_metric), methods=["POST"]),
            Route(f"{RUN}/tags", self._logging(bodies.Tag, self.tracking.log_tag), methods=["POST"]),
            Route("/api/artifacts", self.announce_artifact, methods=["POST"]),
            Route(ARTIFACT, self.change_artifact, methods=["PATCH"]),
            Route(ARTIFACT, self.delete_artifact, methods=["DELETE"]),
            Route(f"{ARTIFACT}/upload-url", self.artifact_upload_url, methods=["POST"]),
            Route(f"{ARTIFACT}/content", self.put_artifact, methods=["PUT"]),
        ]

    async def find_project(self, request: Request) -> Response:
        """The project of a name."""
        if not (name := request.query_params.get("name")):
            raise Refusal(422, "the query needs a name")
        return answer(await run_in_threadpool(self.tracking.find_project, name))

    async def make_project(self, request: Request) -> Response:
        """A project, new or of that name already."""
        body = await read_body(request, bodies.NewProject, self.config)
        return created(await run_in_threadpool(self.tracking.make_project, body))

    async def make_run(self, request: Request) -> Response:
        """A new run."""
        body = await read_body(request, bodies.NewRun, self.config)
        return created(await run_in_threadpool(self.tracking.make_run, request.path_params["project"], body))

    async def run(self, request: Request) -> Response:
        """A run."""
        return answer(await run_in_threadpool(self.tracking.run, *_run_of(request)))

    async def change_run(self, request: Request) -> Response:
        """What changes in a run."""
        change = await read_body(request, bodies.RunChange, self.config)
        return answer(await run_in_threadpool(self.tracking.change_run, *_run_of(request), change))

    def _logging(self, body_type: type[Any], log: Callable[[str, str, Any], Any]) -> Callable[[Request], Any]:
        """An endpoint that logs one thing to a run and answers with it."""

        async def endpoint(request: Request) -> Response:
            body = await read_body(request, body_type, self.config)
            return created(await run_in_threadpool(log, *_run_of(request), body))

        return endpoint

    async def announce_artifact(self, request: Request) -> Response:
        """A new artifact without its bytes."""
        body = await read_body(request, bodies.NewArtifact, self.config)
        return created(await run_in_threadpool(self.artifacts.announce, body))

    async def artifact_upload_url(self, request: Request) -> Response:
        """Where the bytes go: a signed URL of the storage, or a path here that takes the key."""
        artifact_id = request.path_params["artifact"]
        size_bytes = await run_in_threadpool(self.artifacts.size_to_upload, artifact_id)
        mode, fields = self.config.upload_mode, {}
        if mode == "SIGNED_URL":
            fields["expires_at"] = datetime.now(UTC) + timedelta(seconds=self.config.url_ttl_s)
            url = self.links.artifact(request, artifact_id, size_bytes)
        else:
            url = f"/api/artifacts/{artifact_id}/content"
        return answer(ArtifactUploadUrl(url=url, max_size=str(size_bytes), upload_mode=mode, **fields))

    async def put_artifact(self, request: Request) -> Response:
        """The bytes of an artifact, in mode API."""
        artifact_id = request.path_params["artifact"]
        size_bytes = await run_in_threadpool(self.artifacts.size_to_upload, artifact_id)
        blob = await receive_into(self.store, request, limit_bytes=size_bytes, config=self.config)
        await run_in_threadpool(self.artifacts.fill, artifact_id, blob)
        return Response(status_code=204)

    async def change_artifact(self, request: Request) -> Response:
        """How the transfer ended."""
        change = await read_body(request, ArtifactPatch, self.config)
        return answer(await run_in_threadpool(self.artifacts.change, request.path_params["artifact"], change))

    async def delete_artifact(self, request: Request) -> Response:
        """Forgets an artifact and frees its storage."""
        await run_in_threadpool(self.artifacts.delete, request.path_params["artifact"])
        return Response(status_code=204)


def _run_of(request: Request) -> tuple[str, str]:
    return request.path_params["project"], request.path_params["run"]
