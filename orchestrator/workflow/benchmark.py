"""The main job: drive every unfinished job of a run, then say what came of it. A run and its resumption are one."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from orchestrator.client.cloud import Cloud
from orchestrator.domain.cell import Cell
from orchestrator.domain.durations import Durations
from orchestrator.domain.event import Listener, RunStarted, SessionsAdded
from orchestrator.domain.job import Attempt, JobResult
from orchestrator.domain.journal import JobEntry, JobState, RunEntry
from orchestrator.domain.next_sessions import next_sessions
from orchestrator.domain.outcome import FailureKind, Measured
from orchestrator.domain.report import Report
from orchestrator.domain.run import RunState
from orchestrator.errors import CloudError, Interrupted, KeyRefused
from orchestrator.history.journal import Journal
from orchestrator.workflow.compiling import log_conversions
from orchestrator.workflow.context import Context
from orchestrator.workflow.evidence import gather_evidence
from orchestrator.workflow.job_pool import run_jobs
from orchestrator.workflow.pace import Pace
from orchestrator.workflow.quota import OwnQuota
from orchestrator.workflow.reports import conclusion


async def benchmark(entry: RunEntry, cloud: Cloud, journal: Journal, listen: Listener, pace: Pace) -> Report:
    """Drives a journalled run to its end, with the further sessions that its gates ask for, and reports it.

    Raises Interrupted, or CloudError where nothing more can be done; the run can then be resumed.
    """
    run = await journal.reopen(entry.run)
    try:
        context = await _run_planned(entry, cloud, journal, listen, pace)
        while added_jobs := await further_sessions(context):
            await run_jobs(context, added_jobs)
        await finish_conversions(context)
    except (Interrupted, CloudError) as error:
        await journal.end(replace(run, state=RunState.INTERRUPTED, exit_code=error.exit_code, ended_at=pace.now()))
        raise
    report = await conclusion(replace(entry, run=run), journal, pace)
    await journal.end(report.run, report.gates, report.alerts, report.seen)
    return report


async def _run_planned(entry: RunEntry, cloud: Cloud, journal: Journal, listen: Listener, pace: Pace) -> Context:
    """Drives the jobs that there are; what they were driven in."""
    jobs = await journal.jobs(entry.run.id)
    context = await surroundings(entry, jobs, cloud, journal, listen, pace)
    listen(_started(context, jobs))
    if added := [job.key for job in jobs if job.key.repeat > entry.plan.repeats or job.key.control]:
        new, old = (tuple(key.cell for key in added if key.control is control) for control in (False, True))
        listen(SessionsAdded(cells=new, repeats=1, beside=old))
    await run_jobs(context, jobs)
    return context


async def finish_conversions(context: Context) -> None:
    """Logs the conversions that no job came to need, as far as the hub allows. Raises KeyRefused."""
    try:
        await log_conversions(context)
    except KeyRefused:
        raise
    except CloudError as error:
        context.notice(f"a conversion is not logged on the hub: {error}")


async def surroundings(
    entry: RunEntry, jobs: Iterable[JobEntry], cloud: Cloud, journal: Journal, listen: Listener, pace: Pace
) -> Context:
    """What each of the run's jobs is driven in, by whomever. Raises CloudError without the hub's project."""
    attempts = [(job.key.cell, attempt) for job in jobs for attempt in job.attempts]
    durations = Durations(await journal.durations(entry.run))
    for cell, attempt in attempts:
        durations.learn(cell, attempt)
    return Context(
        entry=entry,
        project_id=await cloud.hub.project_id(entry.plan.project),
        cloud=cloud,
        journal=journal,
        listen=listen,
        pace=pace,
        quota=OwnQuota(pace=pace, poll_interval_s=entry.plan.limits.poll_interval_s),
        durations=durations,
        durations_s=[_took_s(attempt) for _, attempt in attempts if isinstance(attempt.outcome, Measured)],
    )


def _started(context: Context, jobs: Iterable[JobEntry]) -> RunStarted:
    entry = context.entry
    done = Counter(job.key.cell for job in jobs if job.state is JobState.DONE)
    return RunStarted(
        run_id=entry.run.id,
        cells=entry.cells,
        repeats=entry.plan.repeats,
        done=done.total(),
        done_of=done,
        known_s=context.durations.known(),
        at_once=entry.plan.limits.in_flight,
    )


def _took_s(attempt: Attempt) -> float:
    return (attempt.ended_at - attempt.started_at).total_seconds()


async def further_sessions(context: Context) -> tuple[JobEntry, ...]:
    """Journals another session of each cell that needs one, if any: a calibration's, or one that may settle a gate.

    Raises Superseded where somebody else did.
    """
    results = [job.result() for job in await context.journal.jobs(context.entry.run.id)]
    if any(_is_cancelled(result) for result in results):
        return ()
    return await (_calibrating if context.entry.calibration else _deciding)(context, results)


async def _calibrating(context: Context, results: Iterable[JobResult]) -> tuple[JobEntry, ...]:
    entry = context.entry
    taken = max(result.key.repeat for result in results) // entry.plan.repeats
    if taken >= entry.calibration:
        return ()
    why = dict.fromkeys(entry.cells, "the calibration asks for it")
    return await _add(context, dict.fromkeys(entry.cells, taken + 1), why, beside=entry.cells)


async def _deciding(context: Context, results: Iterable[JobResult]) -> tuple[JobEntry, ...]:
    """Of the cells that are suspicious or undecided, and not yet at their limit."""
    entry = context.entry
    if not entry.plan.gates:
        return ()
    evidence = await gather_evidence(entry, results, context.journal.baselines)
    wanted = next_sessions(entry.plan, entry.cells, evidence)
    if not wanted:
        return ()
    for session in wanted:
        context.notice(f"{session.cell}: session {session.number}, because {session.reasons[0]}")
    why = {session.cell: "; ".join(session.reasons) for session in wanted}
    beside = {session.cell for session in wanted if session.has_control}
    return await _add(context, {session.cell: session.number for session in wanted}, why, beside=beside)


async def _add(
    context: Context, numbers: Mapping[Cell, int], why: Mapping[Cell, str], *, beside: Collection[Cell]
) -> tuple[JobEntry, ...]:
    jobs = context.entry.session_jobs(numbers, why, beside=beside)
    await context.journal.add(jobs)
    context.listen(SessionsAdded(cells=tuple(numbers), repeats=context.entry.plan.repeats, beside=tuple(beside)))
    return jobs


def _is_cancelled(result: JobResult) -> bool:
    return result.failed is not None and result.failed.kind is FailureKind.CANCELLED


async def cancel(entry: RunEntry, cloud: Cloud, journal: Journal, listen: Listener, pace: Pace) -> Report:
    """Ends a run whose unfinished jobs nobody wants any more: they are cancelled here, and KILLED on the hub.

    The protocol cannot stop a job that runs on a device; its results are no longer looked at. Raises as `benchmark`.
    """
    for job in await journal.jobs(entry.run.id):
        if not job.state.has_outcome:
            await journal.move(job.cancelled(pace.now()))
    return await benchmark(entry, cloud, journal, listen, pace)
