"""A run's files where every worker finds them: its models before it begins, its raw files as they are fetched."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.client.cloud import read_outcome
from orchestrator.domain.journal import JobEntry, KeptFile, RunEntry
from orchestrator.history.store import Store
from orchestrator.workflow.kept_models import KeptModels


async def keep_models(entry: RunEntry, kept: KeptModels) -> None:
    """Puts the run's models into the store. Raises StoreError."""
    for model in (*entry.files, *(old.model for old in entry.controls if not old.unusable)):
        await kept.keep(model)


async def bring_models(entry: RunEntry, kept: KeptModels) -> RunEntry:
    """The entry with its models on this machine. Raises StoreError, also where what the store has is another model."""
    models = [await kept.here(model) for model in entry.models]
    controls = [old if old.unusable else replace(old, model=await kept.here(old.model)) for old in entry.controls]
    converted = [replace(one, model=await kept.here(one.model)) if one.model else one for one in entry.converted]
    return replace(entry, models=tuple(models), controls=tuple(controls), converted=tuple(converted))


@dataclass(frozen=True, kw_only=True)
class SharedFiles:
    """The raw files of one run: each attempt's archive lies in the store before the journal says how it ended."""

    run_id: str
    folder: Path
    store: Store

    async def keep(self, job: JobEntry, archive: Path) -> JobEntry:
        """Puts it there."""
        file = archive.relative_to(self.folder).as_posix()
        stored = await self.store.put(self._name(file), archive)
        kept = KeptFile(file=file, uri=stored.uri, sha256=stored.sha256)
        return replace(job, kept=(*(other for other in job.kept if other.file != file), kept))

    async def bring(self, job: JobEntry) -> None:
        """Fetches and unpacks what another machine fetched."""
        files = job.attempts[-1].files if job.attempts else ()
        if await asyncio.to_thread(lambda: all((self.folder / file).exists() for file in files)):
            return
        for kept in job.kept:
            if kept.file in files:
                await self._bring(kept)

    async def bring_all(self, job: JobEntry) -> None:
        """Fetches and unpacks the raw files of every attempt that are not here."""
        for kept in job.kept:
            if not await asyncio.to_thread((self.folder / kept.file).exists):
                await self._bring(kept)

    async def _bring(self, kept: KeptFile) -> None:
        archive = self.folder / kept.file
        await asyncio.to_thread(archive.parent.mkdir, parents=True, exist_ok=True)
        await self.store.fetch(self._name(kept.file), archive, sha256=kept.sha256)
        await asyncio.to_thread(read_outcome, archive, archive.parent)

    def _name(self, file: str) -> str:
        return run_file(self.run_id, file)


def run_file(run_id: str, file: str) -> str:
    """The store's name for a file of a run."""
    return f"runs/{run_id}/{file}"
