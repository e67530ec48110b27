"""The hub's tracking: projects, runs with their metrics and params, raw files as artifacts."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from orchestrator.client.http import Api, at
from orchestrator.client.hub_names import hub_metrics, hub_params
from orchestrator.client.retry import Repeat
from orchestrator.client.storage import Storage
from orchestrator.domain.measurement import Measurement
from orchestrator.domain.secret import Secret
from orchestrator.errors import Refused, StorageRefused
from orchestrator.protocol.hub import (
    ARTIFACT_CONTENT_TYPE,
    FINAL_RUN_STATUSES,
    LENGTH_RANGE_HEADER,
    Artifact,
    ArtifactBody,
    ArtifactPatch,
    ArtifactUploadUrl,
    Metric,
    Parameter,
    Project,
    ProjectBody,
    Run,
    RunBody,
    RunPatch,
    RunStatus,
    RunType,
    Tag,
)

NOT_FOUND = 404
_STATUS: TypeAdapter[RunStatus] = TypeAdapter(RunStatus)
_KIND: TypeAdapter[RunType] = TypeAdapter(RunType)


class HubClient:
    """Tracking on one hub. All methods raise CloudError."""

    def __init__(self, api: Api, storage: Storage) -> None:
        self._api = api
        self._storage = storage

    async def project_id(self, name: str) -> str:
        """The project of that name, created if there is none."""
        found = await self._find_project(name)
        if found is not None:
            return found.id
        try:
            return (await self._create_project(name)).id
        except Refused:
            found = await self._find_project(name)
            if found is None:
                raise
            return found.id  # somebody else created it at the same time

    async def _create_project(self, name: str) -> Project:
        async def already() -> Project | None:
            return await self._find_project(name)

        return await self._api.post(at("projects"), Project, body=ProjectBody(name=name), already=already)

    async def _find_project(self, name: str) -> Project | None:
        try:
            return await self._api.get(at("projects"), Project, query={"name": name})
        except Refused as error:
            if error.status != NOT_FOUND:
                raise
            return None

    async def create_run(
        self,
        project_id: str,
        *,
        name: str,
        started_at: datetime,
        kind: str = "PROFILE",
        parent_run_id: str | None = None,
    ) -> str:
        """A new run of that kind, RUNNING; its id. Raises AnswerLost where it may exist and nobody knows its id."""
        fields: dict[str, Any] = {"type": _KIND.validate_python(kind), "name": name, "started_at": started_at}
        if parent_run_id is not None:
            fields["parent_run_id"] = parent_run_id
        run = await self._api.post(
            at("projects", project_id, "runs"), Run, body=RunBody(**fields), repeat=Repeat.IF_NOT_DONE
        )
        return run.id

    async def tag(self, project_id: str, run_id: str, name: str, value: str) -> None:
        """Tags a run; the same tag twice says no more than once."""
        await self._api.post(at("projects", project_id, "runs", run_id, "tags"), Tag, body=Tag(name=name, value=value))

    async def param(self, project_id: str, run_id: str, name: str, value: str) -> None:
        """Logs one param of a run; many go with `complete`, in one request."""
        body = Parameter(name=name, value=value)
        await self._api.post(at("projects", project_id, "runs", run_id, "params"), Parameter, body=body)

    async def metric(self, project_id: str, run_id: str, name: str, value: float, *, step: int | None = None) -> None:
        """Logs one metric of a run. Raises AnswerLost where it may have been logged: twice might count twice."""
        given = {"name": name, "value": value} | ({} if step is None else {"step": step})
        path = at("projects", project_id, "runs", run_id, "metrics")
        await self._api.post(path, Metric, body=Metric.model_validate(given), repeat=Repeat.IF_NOT_DONE)

    async def is_complete(self, project_id: str, run_id: str) -> bool:
        """Whether the run has one of the statuses that end it."""
        run = await self._api.get(at("projects", project_id, "runs", run_id), Run)
        return run.status in FINAL_RUN_STATUSES

    async def complete(
        self,
        project_id: str,
        run_id: str,
        *,
        status: str,
        ended_at: datetime,
        measurement: Measurement | None = None,
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, str] | None = None,
        device: str = "",
    ) -> None:
        """Ends a run (FINISHED, FAILED or KILLED) together with all its metrics and params, in one request.

        `metrics` are what it has besides its measurement.

        After any doubt the run is looked at before it is asked again, so that no metric is logged twice.
        """
        patch = RunPatch(
            status=_STATUS.validate_python(status),
            ended_at=ended_at,
            metrics=[*hub_metrics(measurement), *(Metric(name=name, value=v) for name, v in (metrics or {}).items())],
            params=hub_params(measurement, params or {}, device),
        )

        async def already() -> bool | None:
            return await self.is_complete(project_id, run_id) or None

        await self._api.patch(at("projects", project_id, "runs", run_id), patch, already=already)

    async def create_artifact(self, run_id: str, file_name: str, size_bytes: int) -> str:
        """Announces a file of a run; its artifact's id. It stays PENDING until it is marked."""
        body = ArtifactBody(run_id=run_id, file_name=file_name, file_size=size_bytes)
        return (await self._api.post(at("artifacts"), Artifact, body=body)).id

    async def send_artifact(self, artifact_id: str, file: Path) -> None:
        """Transfers an announced file as the hub asks for; a refused signed URL is asked for again once."""
        try:
            await self._send(artifact_id, file)
        except StorageRefused:
            await self._send(artifact_id, file)

    async def _send(self, artifact_id: str, file: Path) -> None:
        target = await self._api.post(at("artifacts", artifact_id, "upload-url"), ArtifactUploadUrl)
        if target.upload_mode == "API":
            return await self._api.put_file(target.url, file, ARTIFACT_CONTENT_TYPE)
        return await self._storage.put(
            Secret(target.url),
            file,
            content_type=ARTIFACT_CONTENT_TYPE,
            headers={LENGTH_RANGE_HEADER: f"0,{file.stat().st_size}"},
        )

    async def mark_artifact(self, artifact_id: str, *, uploaded: bool) -> None:
        """Says how the transfer ended, so that no artifact stays pending."""
        await self._api.patch(at("artifacts", artifact_id), ArtifactPatch(status="UPLOADED" if uploaded else "FAILED"))

    async def delete_artifact(self, artifact_id: str) -> None:
        """Deletes an artifact and frees its storage; one that is gone already is fine."""
        try:
            await self._api.delete(at("artifacts", artifact_id))
        except Refused as error:
            if error.status != NOT_FOUND:
                raise
