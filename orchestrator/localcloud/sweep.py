"""Forgets what nobody will ask for any more, so that a cloud that runs for months does not fill its disk."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from orchestrator.localcloud.blobs import BlobStore
from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.jobs import DONE
from orchestrator.localcloud.schema import downloads, jobs, uploads
from orchestrator.localcloud.state import State, timestamp


def sweep(state: State, store: BlobStore, config: CloudConfig) -> None:
    """Deletes bundles and results that have been kept as long as the configuration says."""
    now = datetime.now(UTC)
    bundles_before = timestamp(now - timedelta(seconds=config.bundle_keep_s))
    results_before = timestamp(now - timedelta(seconds=config.results_keep_s))
    with state.write() as connection:
        connection.execute(sa.delete(uploads).where(_stale_upload(bundles_before, results_before)))
        connection.execute(sa.delete(downloads).where(downloads.c.created_at < results_before))
        connection.execute(sa.delete(jobs).where(jobs.c.status == DONE, jobs.c.completed_at < results_before))
        unused = store.erase_unused(connection)
    for blob in unused:
        store.discard(blob)


def _stale_upload(bundles_before: str, results_before: str) -> sa.ColumnElement[bool]:
    """Used, and all its jobs ended a while ago; or never used, and old."""
    used = sa.exists().where(jobs.c.upload_id == uploads.c.id)
    needed = used.where((jobs.c.status != DONE) | (jobs.c.completed_at >= bundles_before))
    return (used & ~needed) | (~used & (uploads.c.created_at < results_before))
