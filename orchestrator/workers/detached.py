"""Runs that workers carry out, from the side of whoever asks for them: begun, put back, cancelled."""

from dataclasses import replace

from orchestrator.domain.journal import RunEntry
from orchestrator.domain.run import RunState
from orchestrator.history.journal import Journal, Superseded
from orchestrator.workers.queue import Queue
from orchestrator.workers.shared_files import keep_models
from orchestrator.workflow.kept_models import KeptModels
from orchestrator.workflow.pace import Pace


async def begin(entry: RunEntry, journal: Journal, queue: Queue, kept: KeptModels) -> RunEntry:
    """Journals a run for workers, its models in the store, and its first jobs on the queue. Raises StoreError."""
    entry = replace(entry, run=replace(entry.run, detached=True))
    await keep_models(entry, kept)
    await journal.begin(entry)
    await journal.turns.hand_out(entry.run.id, queue.put)
    return entry


async def put_back(entry: RunEntry, journal: Journal, queue: Queue) -> None:
    """Gives every job of an interrupted run another turn that is not done."""
    if entry.run.state is not RunState.RUNNING:
        await journal.reopen(entry.run)
    await journal.turns.go_on(entry.run.id, queue.put, again=True)


async def cancel(entry: RunEntry, journal: Journal, queue: Queue, pace: Pace) -> None:
    """Ends what is unfinished as cancelled; workers see to the hub's runs and to the report."""
    run_id = entry.run.id
    for position, job in (await journal.jobs_at(run_id, await journal.versions(run_id))).items():
        while not job.state.has_outcome:
            try:
                job = await journal.move(job.cancelled(pace.now()))
            except Superseded:  # a worker was faster; it stops touching the job once it is the slower one
                job = await journal.job(run_id, position)
    await put_back(entry, journal, queue)
