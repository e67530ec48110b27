"""Jobs in the database: one queue per device, and one lease for each lane of devices that would disturb each other.

The first unfinished job of a device waits for the lease (PENDING_DEVICE), those behind it wait for it (PENDING).
"""

import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from orchestrator.localcloud import bodies
from orchestrator.localcloud.blobs import Blob, BlobStore
from orchestrator.localcloud.refusal import Refusal, too_many_jobs
from orchestrator.localcloud.schema import jobs, uploads
from orchestrator.localcloud.state import State, new_id, timestamp
from orchestrator.localcloud.transfers import set_results
from orchestrator.protocol.device_cloud import Device, Job

MAX_STARTS = 2  # a job under which the server died twice is not begun again
DONE = "COMPLETED"
_BEGUN = ("PREPARING", "RUNNING")

Result = Literal["PASSED", "FAILED", "ERRORED"]


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A job that has been given its lane. `bundle_id` is None where its bundle is gone."""

    job_id: str
    device_name: str
    platform: str
    bundle_id: str | None


class Jobs:
    """The queue. The first part is what the API calls, the second what the runner does."""

    def __init__(self, state: State, store: BlobStore, *, quota: int) -> None:
        self._state = state
        self._store = store
        self._quota = quota

    def submit(self, body: bodies.NewJob, device: Device | None) -> Job:
        """A new job. Raises Refusal for what can be known to fail: no device, no bundle, another platform's."""
        if device is None:
            raise Refusal(404, "there is no such device")
        job_id = new_id()
        with self._state.write() as connection:
            self._check_bundle(connection, body.model_upload_id, device.platform)
            unfinished = sa.select(sa.func.count()).where(jobs.c.status != DONE)
            if connection.execute(unfinished).scalar_one() >= self._quota:
                raise too_many_jobs(self._quota)
            connection.execute(
                sa.insert(jobs).values(
                    id=job_id,
                    upload_id=body.model_upload_id,
                    device_name=device.name,
                    status="PENDING",
                    created_at=timestamp(),
                )
            )
            created = _require(connection, job_id)
            _call_heads(connection)
        return _wire_job(created)

    def job(self, job_id: str) -> Job:
        """The job."""
        with self._state.read() as connection:
            return _wire_job(_require(connection, job_id))

    def results_id(self, job_id: str) -> str:
        """The blob of the job's results. Raises Refusal (404) where it has none."""
        with self._state.read() as connection:
            blob_id = _require(connection, job_id).blob_id
        if blob_id is None:
            raise Refusal(404, "the job has no results")
        return str(blob_id)

    def wanted(self) -> frozenset[str]:
        """The names of the devices that have unfinished jobs."""
        with self._state.read() as connection:
            names = connection.execute(sa.select(jobs.c.device_name).where(jobs.c.status != DONE).distinct())
            return frozenset(names.scalars())

    def recover(self, devices: Collection[str]) -> None:
        """Puts these devices' jobs that were cut short back into the queue, or ends them: we hold their lease."""
        theirs = jobs.c.device_name.in_(devices)
        begun = theirs & jobs.c.status.in_(_BEGUN)
        with self._state.write() as connection:
            _end(connection, begun & (jobs.c.starts >= MAX_STARTS), "ERRORED")
            connection.execute(sa.update(jobs).where(begun).values(status="PENDING"))
            _end(connection, theirs & (jobs.c.status == "STOPPING"))
            _call_heads(connection)

    def take(self, devices: Collection[str]) -> Lease | None:
        """The next job to be measured on one of these devices, now PREPARING; None where none waits."""
        waiting = (jobs.c.status == "PENDING_DEVICE") & jobs.c.device_name.in_(devices)
        first = sa.select(jobs.c.number).where(waiting).order_by(jobs.c.number).limit(1)
        with self._state.write() as connection:
            number = connection.execute(first).scalar_one_or_none()
            if number is None:
                return None
            begin = sa.update(jobs).where(jobs.c.number == number)
            connection.execute(begin.values(status="PREPARING", starts=jobs.c.starts + 1))
            row = connection.execute(
                sa.select(jobs, uploads.c.platform, uploads.c.blob_id.label("bundle_id"))
                .outerjoin(uploads, uploads.c.id == jobs.c.upload_id)
                .where(jobs.c.number == number)
            ).one()
        return Lease(job_id=row.id, device_name=row.device_name, platform=row.platform or "", bundle_id=row.bundle_id)

    def give_back(self, job_id: str) -> None:
        """Puts a job that is not to blame back into the queue: the server is being stopped."""
        with self._state.write() as connection:
            begun = sa.update(jobs).where(jobs.c.id == job_id)
            connection.execute(begun.values(status="PENDING", starts=jobs.c.starts - 1))
            _call_heads(connection)

    def running(self, job_id: str) -> None:
        """The model is being measured."""
        with self._state.write() as connection:
            connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(status="RUNNING"))

    def publish(self, job_id: str, download_id: str, blob: Blob, result: Result) -> None:
        """The results are there, for the download and for the job; the device is STOPPING."""
        with self._store.adopting(blob) as connection:
            set_results(connection, download_id, blob.id)
            values = {"blob_id": blob.id, "status": "STOPPING", "result": result}
            connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(values))

    def complete(self, job_id: str, result: Result | None = None) -> None:
        """The job is over; its result is what it was, or `result`."""
        with self._state.write() as connection:
            _end(connection, jobs.c.id == job_id, result)
            _call_heads(connection)

    def _check_bundle(self, connection: sa.Connection, upload_id: str, platform: str) -> None:
        row = connection.execute(sa.select(uploads).where(uploads.c.id == upload_id)).one_or_none()
        if row is None:
            raise Refusal(404, "there is no such upload")
        if row.platform != platform:
            raise Refusal(422, f"the upload is for {row.platform}, the device is {platform}")
        if row.blob_id is None:
            raise Refusal(409, "no bundle has been uploaded")
        if not zipfile.is_zipfile(self._store.path(row.blob_id)):
            raise Refusal(422, "the bundle is not a zip archive")


def _call_heads(connection: sa.Connection) -> None:
    """The first unfinished job of every device is next in line for the lease."""
    unfinished = jobs.alias()
    heads = sa.select(sa.func.min(unfinished.c.number)).where(unfinished.c.status != DONE)
    first = jobs.c.number.in_(heads.group_by(unfinished.c.device_name))
    connection.execute(sa.update(jobs).where(first, jobs.c.status == "PENDING").values(status="PENDING_DEVICE"))


def _end(connection: sa.Connection, which: sa.ColumnElement[bool], result: Result | None = None) -> None:
    values: dict[str, Any] = {"status": DONE, "completed_at": timestamp()}
    connection.execute(sa.update(jobs).where(which).values(values | ({"result": result} if result else {})))


def _require(connection: sa.Connection, job_id: str) -> sa.Row[Any]:
    row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).one_or_none()
    if row is None:
        raise Refusal(404, "there is no such job")
    return row


def _wire_job(row: sa.Row[Any]) -> Job:
    """The job; its verdict is told when it is over."""
    fields = {"id": row.id, "status": row.status, "created_at": row.created_at}
    if row.status == DONE:
        fields |= {"completed_at": row.completed_at, "result": row.result}
    return Job(**fields)
