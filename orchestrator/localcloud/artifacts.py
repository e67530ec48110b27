"""Artifacts of runs: announced, filled, and deleted."""

from typing import Any

import sqlalchemy as sa

from orchestrator.localcloud import bodies
from orchestrator.localcloud.blobs import Blob, BlobStore
from orchestrator.localcloud.refusal import Refusal, file_too_large
from orchestrator.localcloud.schema import artifacts, runs
from orchestrator.localcloud.state import State, new_id, timestamp
from orchestrator.protocol.hub import Artifact, ArtifactPatch


class Artifacts:
    """The hub's artifacts. Every method raises Refusal for what does not exist."""

    def __init__(self, state: State, store: BlobStore, *, max_bytes: int) -> None:
        self._state = state
        self._store = store
        self._max_bytes = max_bytes

    def announce(self, body: bodies.NewArtifact) -> Artifact:
        """A new artifact, PENDING. Raises Refusal where its bytes would not be taken."""
        if body.file_size > self._max_bytes:
            raise file_too_large(self._max_bytes)
        self._store.check_room(body.file_size)
        artifact_id, now = new_id(), timestamp()
        with self._state.write() as connection:
            if connection.execute(sa.select(runs.c.id).where(runs.c.id == body.run_id)).one_or_none() is None:
                raise Refusal(404, "there is no such run")
            connection.execute(
                sa.insert(artifacts).values(
                    id=artifact_id,
                    **body.model_dump(),
                    status="PENDING",
                    created_at=now,
                    updated_at=now,
                )
            )
        return self._artifact(artifact_id)

    def size_to_upload(self, artifact_id: str) -> int:
        """How many bytes an upload may bring. Raises Refusal (409) where the artifact is complete."""
        with self._state.read() as connection:
            row = _require_open(connection, artifact_id)
        self._store.check_room(row.file_size)
        return int(row.file_size)

    def fill(self, artifact_id: str, blob: Blob) -> None:
        """Makes received bytes the artifact's, in place of what it had."""
        with self._store.adopting(blob) as connection:
            row = _require_open(connection, artifact_id)
            _change(connection, artifact_id, status="PENDING", blob_id=blob.id)
            replaced = self._store.erase(connection, row.blob_id)
        self._store.discard(replaced)

    def change(self, artifact_id: str, body: ArtifactPatch) -> Artifact:
        """Sets the status. UPLOADED needs all the announced bytes; FAILED gives them up."""
        dropped = None
        with self._state.write() as connection:
            row = _require(connection, artifact_id)
            if body.status == "UPLOADED":
                self._check_complete(connection, row)
            _change(connection, artifact_id, status=body.status)
            if body.status == "FAILED":
                _change(connection, artifact_id, blob_id=None)
                dropped = self._store.erase(connection, row.blob_id)
        self._store.discard(dropped)
        return self._artifact(artifact_id)

    def delete(self, artifact_id: str) -> None:
        """Forgets the artifact and frees its storage."""
        with self._state.write() as connection:
            row = _require(connection, artifact_id)
            connection.execute(sa.delete(artifacts).where(artifacts.c.id == artifact_id))
            dropped = self._store.erase(connection, row.blob_id)
        self._store.discard(dropped)

    def _check_complete(self, connection: sa.Connection, row: sa.Row[Any]) -> None:
        have = self._store.size_of(connection, row.blob_id)
        if have != row.file_size:
            raise Refusal(409, f"{row.file_size} bytes were announced and {have or 0} have arrived")

    def _artifact(self, artifact_id: str) -> Artifact:
        with self._state.read() as connection:
            row = _require(connection, artifact_id)
        texts = {**row._mapping, "file_size": str(row.file_size)}
        return Artifact(**{name: texts[name] for name in Artifact.model_fields})


def _require(connection: sa.Connection, artifact_id: str) -> sa.Row[Any]:
    row = connection.execute(sa.select(artifacts).where(artifacts.c.id == artifact_id)).one_or_none()
    if row is None:
        raise Refusal(404, "there is no such artifact")
    return row


def _require_open(connection: sa.Connection, artifact_id: str) -> sa.Row[Any]:
    row = _require(connection, artifact_id)
    if row.status == "UPLOADED":
        raise Refusal(409, "the artifact is uploaded already")
    return row


def _change(connection: sa.Connection, artifact_id: str, **values: str | None) -> None:
    statement = sa.update(artifacts).where(artifacts.c.id == artifact_id)
    connection.execute(statement.values(**values, updated_at=timestamp()))
