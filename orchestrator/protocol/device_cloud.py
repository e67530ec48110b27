"""The hub's device-cloud calls: devices, uploads, downloads, jobs."""

from datetime import datetime
from typing import Literal

from orchestrator.protocol.envelope import WireModel

IOS_UPLOAD_TYPE = "APPIUM_PYTHON_TEST_PACKAGE"
BUNDLE_CONTENT_TYPE = "application/zip"
DOWNLOAD_READY = "SUCCEEDED"

WAITING_STATUSES = frozenset({"PENDING", "PENDING_CONCURRENCY", "PENDING_DEVICE", "SCHEDULING"})
ACTIVE_STATUSES = frozenset({"PREPARING", "PROCESSING", "RUNNING", "STOPPING"})
FINAL_STATUSES = frozenset({"COMPLETED"})


class Cpu(WireModel):
    """A device's processor; which fields a hub fills, and with text or numbers, varies."""

    architecture: str | None = None
    frequency: str | float | None = None
    clock: str | float | None = None


class Device(WireModel):
    """A device. A platform that is not ours is kept as text.

    `model_formats` is the local cloud's own: the kinds of model files that the device takes. The hub's devices do not
    say; they take `.tflite` alone.
    """

    name: str
    os: str = ""
    vendor: str = ""
    platform: str
    type: str = ""
    cpu: Cpu | None = None
    model_formats: list[str] | None = None


class UploadBody(WireModel):
    """What an iOS upload is created with; an Android one has no body."""

    type: Literal["APPIUM_PYTHON_TEST_PACKAGE"]


class Upload(WireModel):
    """Where the bundle is PUT."""

    id: str
    url: str
    created_at: datetime | None = None


class Download(WireModel):
    """Where the device puts its results, and once `status` is SUCCEEDED, where they are fetched."""

    id: str
    url: str
    created_at: datetime | None = None
    status: str = ""


class JobBody(WireModel):
    """What submits a job."""

    model_upload_id: str
    device_name: str


class Job(WireModel):
    """A job. COMPLETED is not success: that is for the results to say."""

    id: str
    status: str
    created_at: datetime | None = None
    completed_at: datetime | None = None
    result: str | None = None


class JobArtifacts(WireModel):
    """Where a finished job's files are fetched."""

    job_id: str = ""
    url: str
    extension: str | None = None
