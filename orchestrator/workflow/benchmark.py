"""The main job: drive every unfinished job of a run, then say what came of it. A run and its resumption are one."""

from collections.abc import Iterable
from dataclasses import replace

from orchestrator.client.cloud import Cloud
from orchestrator.domain.event import Listener, RunStarted
from orchestrator.domain.exit_code import CLOUD_UNUSABLE, GATE_FAILED, exit_code
from orchestrator.domain.gate import judge
from orchestrator.domain.journal import JobEntry, JobState, RunEntry
from orchestrator.domain.outcome import Failed, FailureKind, Measured
from orchestrator.domain.report import Report, report_cells
from orchestrator.domain.run import Run, RunState
from orchestrator.errors import CloudError, Interrupted
from orchestrator.history.journal import Journal
from orchestrator.workflow.context import Context
from orchestrator.workflow.evidence import gather_evidence
from orchestrator.workflow.job_pool import run_jobs
from orchestrator.workflow.pace import Pace


async def benchmark(entry: RunEntry, cloud: Cloud, journal: Journal, listen: Listener, pace: Pace) -> Report:
    """Drives a journalled run to its end and reports it.

    Raises Interrupted, or CloudError where nothing more can be done; the run can then be resumed.
    """
    run = await journal.reopen(entry.run)
    try:
        project_id = await cloud.hub.project_id(entry.plan.project)
        context = Context(entry=entry, project_id=project_id, cloud=cloud, journal=journal, listen=listen, pace=pace)
        jobs = await journal.jobs(run.id)
        context.durations_s.extend(_durations_s(jobs))
        done = sum(job.state is JobState.DONE for job in jobs)
        listen(RunStarted(run_id=run.id, cells=entry.cells, repeats=entry.plan.repeats, done=done))
        await run_jobs(context, jobs)
    except (Interrupted, CloudError) as error:
        await journal.end(run, state=RunState.INTERRUPTED, exit_code=error.exit_code, ended_at=pace.now())
        raise
    return await _finish(entry, run, journal, pace)


async def cancel(entry: RunEntry, cloud: Cloud, journal: Journal, listen: Listener, pace: Pace) -> Report:
    """Ends a run whose unfinished jobs nobody wants any more: they are cancelled here, and KILLED on the hub.

    The protocol cannot stop a job that runs on a device; its results are no longer looked at. Raises as `benchmark`.
    """
    cancelled = Failed(kind=FailureKind.CANCELLED, reason="the run was cancelled")
    for job in await journal.jobs(entry.run.id):
        if not job.state.has_outcome:
            has_begun = job.started_at is not None or job.attempts
            state = JobState.CONCLUDED if has_begun else JobState.DONE
            await journal.move(replace(job.concluded(cancelled, pace.now()), state=state))
    return await benchmark(entry, cloud, journal, listen, pace)


async def read_report(entry: RunEntry, journal: Journal) -> Report:
    """What is known of a run now, whether it has ended or not."""
    return _report(entry, entry.run, await journal.jobs(entry.run.id))


async def _finish(entry: RunEntry, run: Run, journal: Journal, pace: Pace) -> Report:
    jobs = await journal.jobs(run.id)
    report = _report(entry, run, jobs)
    code = exit_code(report.jobs, report.gates)
    is_logged = all(job.state is JobState.DONE for job in jobs)
    if not is_logged and code != GATE_FAILED:
        code = CLOUD_UNUSABLE
    state = RunState.COMPLETED if is_logged else RunState.INTERRUPTED
    ended = await journal.end(run, state=state, exit_code=code, ended_at=pace.now())
    return _report(entry, ended, jobs)


def _durations_s(jobs: Iterable[JobEntry]) -> list[float]:
    """How long the attempts took that measured something before a run was resumed."""
    attempts = (attempt for job in jobs for attempt in job.attempts if isinstance(attempt.outcome, Measured))
    return [(attempt.ended_at - attempt.started_at).total_seconds() for attempt in attempts]


def _report(entry: RunEntry, run: Run, jobs: tuple[JobEntry, ...]) -> Report:
    results = tuple(job.result() for job in jobs)
    cells = report_cells(entry.cells, results)
    return Report(
        run=run,
        command=entry.command,
        plan_text=entry.plan.text,
        models=entry.models,
        devices=entry.devices,
        cells=cells,
        jobs=results,
        gates=judge(entry.plan, entry.cells, gather_evidence(entry, results)),
        notices=entry.notices,
    )
