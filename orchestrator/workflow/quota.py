"""The cloud's quota of jobs at once, as those meet it who submit."""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from orchestrator.domain.job import JobKey
from orchestrator.workflow.pace import Pace

LONGEST_QUOTA_WAIT_S = 60.0


class Quota(Protocol):
    """Who may submit, and when again after a refusal. All that waits raises Interrupted once a stop was asked for."""

    async def turn(self) -> None:
        """Waits until a submission may be tried."""

    async def refused(self) -> None:
        """The cloud refused a job for its quota; waits until it is worth trying again, or until `turn` will."""

    async def arrived(self, key: JobKey) -> None:
        """This job is on the cloud."""

    def left(self, key: JobKey) -> None:
        """This job is there no more."""


@dataclass(kw_only=True)
class OwnQuota:
    """The quota as one process sees it that drives a whole run: one of its own jobs that ends makes room."""

    pace: Pace
    poll_interval_s: float
    _on_cloud: set[JobKey] = field(default_factory=set)
    _job_ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def turn(self) -> None:
        """Anybody, at any time."""

    async def refused(self) -> None:
        """Waits until one of ours has ended, or a moment has passed."""
        self._job_ended.clear()
        patience_s = LONGEST_QUOTA_WAIT_S if self._on_cloud else self.poll_interval_s
        await self.pace.sleep_unless(self._job_ended, patience_s)

    async def arrived(self, key: JobKey) -> None:
        """Counts it."""
        self._on_cloud.add(key)

    def left(self, key: JobKey) -> None:
        """Wakes those who wait."""
        self._on_cloud.discard(key)
        self._job_ended.set()
