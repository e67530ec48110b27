"""What the devices left: where it is kept besides the folder of whoever fetched it."""

from pathlib import Path
from typing import Protocol

from orchestrator.domain.journal import JobEntry

RESULTS_ARCHIVE = "results.zip"  # in an attempt's folder; what is in it lies beside it, unpacked


class RawFiles(Protocol):
    """Keeps the archives of a run's attempts. Raises StoreError."""

    async def keep(self, job: JobEntry, archive: Path) -> JobEntry:
        """The job with the archive kept that its attempt just fetched; called before the attempt is concluded."""

    async def bring(self, job: JobEntry) -> None:
        """Sees to it that the files of the job's last attempt are in the run's folder."""


class OwnDisk:
    """One process on one disk: what was fetched is there."""

    async def keep(self, job: JobEntry, archive: Path) -> JobEntry:
        """It lies where it lies."""
        return job

    async def bring(self, job: JobEntry) -> None:
        """They are there."""
