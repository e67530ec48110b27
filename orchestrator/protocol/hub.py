"""The hub's tracking calls: projects, runs, params, metrics, tags, artifacts."""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime

from orchestrator.protocol.envelope import WireModel

RunType = Literal["COMPILE", "EVAL", "GRAPH", "INFERENCE", "PROFILE"]
RunStatus = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
FINAL_RUN_STATUSES = frozenset({"FINISHED", "FAILED", "KILLED"})
ArtifactStatus = Literal["PENDING", "UPLOADED", "FAILED"]

ARTIFACT_CONTENT_TYPE = "application/octet-stream"
LENGTH_RANGE_HEADER = "x-goog-content-length-range"


class ProjectBody(WireModel):
    """What creates a project."""

    name: str


class Project(WireModel):
    """A project."""

    id: str
    name: str


class RunBody(WireModel):
    """What creates a run."""

    type: RunType
    started_at: AwareDatetime
    name: str | None = None
    parent_run_id: str | None = None


class Run(WireModel):
    """A run as the hub tells it. A status that is not ours is kept as text and counts as still active."""

    id: str
    name: str | None = None
    type: str = ""
    status: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


class Parameter(WireModel):
    """A param of a run; the value is always a string."""

    name: str
    value: str


class Metric(WireModel):
    """A metric of a run."""

    name: str
    value: float
    step: int | None = None


class Tag(WireModel):
    """A tag of a run."""

    name: str
    value: str


class RunPatch(WireModel):
    """What changes in a run: only the fields that are set. `parent_run_id` None removes the parent."""

    status: RunStatus | None = None
    ended_at: AwareDatetime | None = None
    metrics: list[Metric] | None = None
    params: list[Parameter] | None = None
    parent_run_id: str | None = None


class ArtifactBody(WireModel):
    """What announces an artifact; `file_size` in bytes."""

    run_id: str
    file_name: str
    file_size: int


class Artifact(WireModel):
    """An artifact; the hub gives sizes back as text."""

    id: str
    run_id: str = ""
    file_name: str = ""
    file_size: str = ""
    status: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None


class ArtifactUploadUrl(WireModel):
    """Where an artifact's bytes go: a signed URL of another host, or (mode API) one of ours, maybe relative."""

    url: str
    expires_at: datetime | None = None
    max_size: str = ""
    upload_mode: Literal["SIGNED_URL", "API"]


class ArtifactPatch(WireModel):
    """How the transfer of an artifact ended."""

    status: ArtifactStatus
