"""What this process took from the queue, and the fence around it: only who has a task still may end it.

Procrastinate ends a task by its number, whoever has it by then: a worker that was thought dead would take it from the
one that took over, and a lost answer, asked for again, would put back what runs again already.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import procrastinate.utils
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

FORGOTTEN_AFTER_S = 24 * 3600.0
Taking = tuple[int, int]
"""A task's number, and how often it was put back: it has another with each who takes it."""

_STILL_HAD = """
from (select id from procrastinate_jobs where id = %(number)s and attempts = %(attempts)s and status = 'doing'
      for update) as had
"""
_FINISH = f"select procrastinate_finish_job_v1(id, %(status)s, %(delete_job)s) {_STILL_HAD}"
_PUT_BACK = (
    f"select procrastinate_retry_job_v2(id, %(retry_at)s, %(priority)s, %(queue_name)s, %(new_lock)s) {_STILL_HAD}"
)


def taking_of(job: Job) -> Taking:
    """Which taking this is."""
    assert job.id is not None
    return job.id, job.attempts


class Taken(JobManager):
    """Procrastinate's way to its tables. `in_hand` is what a worker in this process took and has not ended."""

    def __init__(self, connector: procrastinate.BaseConnector) -> None:
        super().__init__(connector)
        self.in_hand: set[Taking] = set()
        self.worker_id: int | None = None

    def not_in_hand(self, jobs: Iterable[Job]) -> dict[Taking, Job]:
        """Those of the jobs that this process is not at."""
        return {taking_of(job): job for job in jobs if taking_of(job) not in self.in_hand}

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """As the base class does. An answer that is lost leaves a task with this worker that is not in its hand."""
        self.worker_id = worker_id
        if job := await super().fetch_job(queues, worker_id):
            self.in_hand.add(taking_of(job))
        return job

    async def prune_stalled_workers(self, seconds_since_heartbeat: float) -> list[int]:
        """As the base class does, but no sooner than after a day: one that is forgotten can take nothing any more.

        A worker that starts right after an outage may be the first to give a sign of life.
        """
        return await super().prune_stalled_workers(max(seconds_since_heartbeat, FORGOTTEN_AFTER_S))

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """As the base class does, unless another has it by now."""
        await self._end(job, _FINISH, status=status.value, delete_job=delete_job)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """As the base class does, unless another has it by now."""
        at = retry_at or procrastinate.utils.utcnow()
        await self._end(job, _PUT_BACK, retry_at=at, priority=priority, queue_name=queue, new_lock=lock)

    async def _end(self, job: Job, query: str, **given: Any) -> None:
        number, attempts = taking_of(job)
        await self.connector.execute_query_async(query, number=number, attempts=attempts, **given)
        self.in_hand.discard((number, attempts))
