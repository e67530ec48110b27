"""Files as artifacts of a hub run: announced, sent, settled; each step is kept before the next is taken."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from orchestrator.domain.journal import SavedArtifact
from orchestrator.errors import CloudError, KeyRefused, Refused
from orchestrator.workflow.context import Context

ARTIFACT_TRIES = 2


class Logged(Protocol):
    """A journalled thing that has a run on the hub."""

    @property
    def hub_run_id(self) -> str:
        """The run's id."""

    @property
    def artifacts(self) -> tuple[SavedArtifact, ...]:
        """What is known of its artifacts."""


L = TypeVar("L", bound=Logged)


@dataclass(frozen=True, kw_only=True)
class Saving(Generic[L]):
    """Saves files of `context`'s run; `keep` journals a thing with other artifacts, and gives it back."""

    context: Context
    keep: Callable[[L, tuple[SavedArtifact, ...]], Awaitable[L]]

    async def save(self, logged: L, file: str, path: Path, *, name: str = "") -> L:
        """Uploads one file, if it is not there yet. One that cannot be uploaded is said and holds nothing up.

        `file` is what it is known by, `name` what the hub calls it (default: as it is called here).
        """
        for left in reversed(range(ARTIFACT_TRIES)):
            if any(artifact.file == file and artifact.uploaded for artifact in logged.artifacts):
                return logged
            try:
                logged = await self._announce(logged, file, path, name or path.name)
            except Refused as refusal:
                self.context.notice(f"{file} is not saved on the hub: {refusal}")
                return logged
            except OSError as error:
                self.context.notice(f"{file} is not saved on the hub: {error.strerror or 'it cannot be read'}")
                return logged
            logged, failure = await self._send(logged, file, path)
            if failure and not left:
                self.context.notice(f"{file} is not saved on the hub: {failure}")
        return logged

    async def _announce(self, logged: L, file: str, path: Path, name: str) -> L:
        if any(artifact.file == file for artifact in logged.artifacts):
            return logged
        size_bytes = (await asyncio.to_thread(path.stat)).st_size
        artifact_id = await self.context.cloud.hub.create_artifact(logged.hub_run_id, name, size_bytes)
        return await self.keep(logged, (*logged.artifacts, SavedArtifact(file=file, artifact_id=artifact_id)))

    async def _send(self, logged: L, file: str, path: Path) -> tuple[L, CloudError | None]:
        """Transfers an announced file and settles it on the hub: uploaded, or failed and to be announced anew."""
        hub = self.context.cloud.hub
        artifact = next(artifact for artifact in logged.artifacts if artifact.file == file)
        others = tuple(other for other in logged.artifacts if other is not artifact)
        try:
            await self.context.pace.unless_stopped(hub.send_artifact(artifact.artifact_id, path))
        except KeyRefused:
            raise
        except CloudError as error:
            await hub.mark_artifact(artifact.artifact_id, uploaded=False)
            return await self.keep(logged, others), error
        await hub.mark_artifact(artifact.artifact_id, uploaded=True)
        return await self.keep(logged, (*others, replace(artifact, uploaded=True))), None
