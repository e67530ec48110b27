"""The cloud's quota as all workers see it together: one's refusal holds every other."""

from dataclasses import dataclass

from orchestrator.domain.job import JobKey
from orchestrator.history.holds import Holds
from orchestrator.workflow.pace import Pace
from orchestrator.workflow.quota import LONGEST_QUOTA_WAIT_S


@dataclass(frozen=True, kw_only=True)
class SharedQuota:
    """The quota of one cloud. After a refusal one job tries at a time, each when the one before got in or moved out."""

    cloud: str
    holds: Holds
    pace: Pace
    poll_interval_s: float

    async def turn(self) -> None:
        """Waits until this job may try; at the longest a minute, for a try that is refused does no harm."""
        end = self.pace.monotonic() + LONGEST_QUOTA_WAIT_S
        while not await self.holds.pass_by(self.cloud, LONGEST_QUOTA_WAIT_S) and self.pace.monotonic() < end:
            await self.pace.sleep(self.poll_interval_s)

    async def refused(self) -> None:
        """Holds everybody for a moment, or until a job ends; the wait is `turn`'s."""
        await self.holds.refuse(self.cloud, LONGEST_QUOTA_WAIT_S)

    async def arrived(self, key: JobKey) -> None:
        """There was room, and there may be more."""
        await self.holds.open(self.cloud)

    def left(self, key: JobKey) -> None:
        """Said to all by whoever drives the job, once that is in the journal."""
