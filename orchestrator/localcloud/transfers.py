"""Bundles on their way in (uploads) and results on their way out (downloads)."""

from typing import Any, Literal

import sqlalchemy as sa

from orchestrator.localcloud.blobs import Blob, BlobStore
from orchestrator.localcloud.refusal import Refusal
from orchestrator.localcloud.schema import downloads, jobs, uploads
from orchestrator.localcloud.state import State, new_id, timestamp

Platform = Literal["ANDROID", "IOS"]


class Transfers:
    """Rows of uploads and downloads by id. Every method raises Refusal for what does not exist."""

    def __init__(self, state: State, store: BlobStore) -> None:
        self._state = state
        self._store = store

    def make_upload(self, platform: Platform) -> sa.Row[Any]:
        """A new upload. Raises Refusal where the storage is full."""
        self._store.check_room(1)
        return self._make(uploads, platform=platform)

    def check_upload(self, upload_id: str) -> None:
        """Raises Refusal (409) where a job rests on the bundle already: it must not change any more."""
        with self._state.read() as connection:
            _require_open_upload(connection, upload_id)

    def fill_upload(self, upload_id: str, blob: Blob) -> None:
        """Makes received bytes the upload's bundle, in place of what it had."""
        with self._store.adopting(blob) as connection:
            row = _require_open_upload(connection, upload_id)
            connection.execute(sa.update(uploads).where(uploads.c.id == upload_id).values(blob_id=blob.id))
            replaced = self._store.erase(connection, row.blob_id)
        self._store.discard(replaced)

    def make_download(self) -> sa.Row[Any]:
        """A new download."""
        return self._make(downloads)

    def download(self, download_id: str) -> sa.Row[Any]:
        """The download; its blob is null until the results are there."""
        with self._state.read() as connection:
            return _require_download(connection, download_id)

    def check_download(self, download_id: str) -> None:
        """Raises Refusal (409) where the results are published already."""
        with self._state.read() as connection:
            _require_empty_download(connection, download_id)

    def fill_download(self, download_id: str, blob: Blob) -> None:
        """Publishes received bytes as the results. Raises as `check_download` does."""
        with self._store.adopting(blob) as connection:
            _require_empty_download(connection, download_id)
            set_results(connection, download_id, blob.id)

    def _make(self, table: sa.Table, **fields: str) -> sa.Row[Any]:
        with self._state.write() as connection:
            new = sa.insert(table).values(id=new_id(), created_at=timestamp(), **fields)
            return connection.execute(new.returning(table)).one()


def _require_download(connection: sa.Connection, download_id: str) -> sa.Row[Any]:
    row = connection.execute(sa.select(downloads).where(downloads.c.id == download_id)).one_or_none()
    if row is None:
        raise Refusal(404, "there is no such download")
    return row


def _require_empty_download(connection: sa.Connection, download_id: str) -> None:
    if _require_download(connection, download_id).blob_id is not None:
        raise Refusal(409, "the results are published already")


def set_results(connection: sa.Connection, download_id: str, blob_id: str) -> None:
    """Publishes a blob, unless there are results already: the first of two jobs with one download counts."""
    empty = sa.update(downloads).where(downloads.c.id == download_id, downloads.c.blob_id.is_(None))
    connection.execute(empty.values(blob_id=blob_id))


def _require_open_upload(connection: sa.Connection, upload_id: str) -> sa.Row[Any]:
    row = connection.execute(sa.select(uploads).where(uploads.c.id == upload_id)).one_or_none()
    if row is None:
        raise Refusal(404, "there is no such upload")
    if connection.execute(sa.select(jobs.c.id).where(jobs.c.upload_id == upload_id).limit(1)).one_or_none():
        raise Refusal(409, "a job was submitted with this upload already")
    return row
