"""The main job: drive every unfinished job of a run, then say what came of it. A run and its resumption are one."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import islice

from orchestrator.client.cloud import Cloud
from orchestrator.domain.cell import Cell
from orchestrator.domain.cell_evidence import with_evidence
from orchestrator.domain.compare import compare
from orchestrator.domain.conversion import ConvertedModel
from orchestrator.domain.durations import Durations
from orchestrator.domain.event import Listener, RunStarted, SessionsAdded
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.exit_code import CLOUD_UNUSABLE, GATE_FAILED, exit_code
from orchestrator.domain.gate import judge
from orchestrator.domain.job import Attempt, JobResult
from orchestrator.domain.journal import CompileEntry, JobEntry, JobState, RunEntry
from orchestrator.domain.next_sessions import next_sessions
from orchestrator.domain.outcome import FailureKind, Measured
from orchestrator.domain.plan import Plan
from orchestrator.domain.report import CellReport, GateResult, Report, report_cells
from orchestrator.domain.run import Run, RunState
from orchestrator.errors import CloudError, Interrupted, KeyRefused
from orchestrator.history.journal import Journal
from orchestrator.history.stamp import NOW
from orchestrator.workflow.alerts import keep_alerts
from orchestrator.workflow.causes import with_causes
from orchestrator.workflow.compiling import log_conversions
from orchestrator.workflow.context import Context
from orchestrator.workflow.evidence import gather_evidence, open_regressions, run_pairs, run_sessions
from orchestrator.workflow.job_pool import run_jobs
from orchestrator.workflow.pace import Pace
from orchestrator.workflow.quota import OwnQuota

CELLS_AT_ONCE = 100  # whose layers are in memory, of a run that another is compared with


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


async def read_report(entry: RunEntry, journal: Journal) -> Report:
    """What is known of a run now. The verdicts of one that has ended are those it ended with."""
    jobs = await journal.jobs(entry.run.id)
    is_judged = entry.run.state is RunState.COMPLETED
    seen = entry.seen if is_judged else None
    evidence = await _evidence(entry, jobs, journal, with_pinned=not is_judged, seen=seen)
    gates = entry.gates if is_judged else await _judge(entry, jobs, evidence, journal)
    return await _report(entry, entry.run, jobs, gates, evidence, journal)


async def compared(report: Report, entry: RunEntry, journal: Journal) -> Report:
    """The report with what changed since the run that the plan pins, or else since the one before it, if any."""
    pinned = (await journal.baselines.names()).get(entry.plan.baseline.pinned or "")
    baseline_id = pinned or await journal.previous(entry.run)
    if baseline_id is None or baseline_id == entry.run.id:
        return report
    before = await journal.find(baseline_id)
    if before is None:  # only its sessions were brought here
        return report
    baseline = await _baseline(before, journal)
    return replace(report, comparison=await asyncio.to_thread(compare, report, baseline))


async def _baseline(entry: RunEntry, journal: Journal) -> Report:
    """A run's report as far as another is compared with it: of its jobs no more than their metrics is kept."""
    cells, jobs, waiting = list[CellReport](), list[JobResult](), iter(entry.cells)
    while some := tuple(islice(waiting, CELLS_AT_ONCE)):
        found = [_with_file(job.result(), entry) for job in await journal.jobs_of(entry.run.id, some)]
        cells += report_cells(some, found)
        jobs += (job.compared for job in found)
    return Report(
        run=entry.run,
        command=entry.command,
        plan_text=entry.plan.text,
        models=entry.models,
        devices=entry.devices,
        cells=tuple(cells),
        jobs=tuple(jobs),
    )


async def judge_again(entry: RunEntry, journal: Journal, plan: Plan) -> Report:
    """The report of a run with the verdicts that a plan's rules give it, from what is stored, and their exit code.

    With the run's own plan these are the verdicts it ended with.
    """
    jobs = await journal.jobs(entry.run.id)
    rules = replace(entry.plan, gates=plan.gates, gating=plan.gating, baseline=plan.baseline)
    judged = replace(entry, plan=rules)
    evidence = await _evidence(judged, jobs, journal, seen=entry.seen)
    gates = await _judge(judged, jobs, evidence, journal)
    report = await _report(judged, entry.run, jobs, gates, evidence, journal)
    return replace(report, run=replace(report.run, exit_code=exit_code(report.jobs, report.gates)))


async def _evidence(
    entry: RunEntry,
    jobs: tuple[JobEntry, ...],
    journal: Journal,
    *,
    with_pinned: bool = True,
    seen: int | None = None,
) -> Mapping[Cell, Evidence]:
    """The evidence as it was at the stamp `seen`, None for now."""
    results, until = [job.result() for job in jobs], NOW if seen is None else seen
    return await gather_evidence(entry, results, journal.baselines, with_pinned=with_pinned, seen=until)


async def _judge(
    entry: RunEntry, jobs: Iterable[JobEntry], evidence: Mapping[Cell, Evidence], journal: Journal
) -> tuple[GateResult, ...]:
    gates = judge(entry.plan, entry.cells, evidence)
    return await with_causes(gates, entry.plan.baseline, [job.result() for job in jobs], evidence, journal)


async def conclusion(entry: RunEntry, journal: Journal, pace: Pace) -> Report:
    """How the run ends, now that nothing more is measured; its sessions and alerts are kept for those to come.

    That it has ended is still to be written.
    """
    jobs = await journal.jobs(entry.run.id)
    results = [job.result() for job in jobs]
    now, seen = pace.now(), await journal.baselines.last_stamp()
    evidence = await _evidence(entry, jobs, journal, seen=seen)
    gates = await _judge(entry, jobs, evidence, journal)
    code = exit_code(results, gates)
    conversions = await journal.compiles.of_run(entry.run.id) if entry.converted else {}
    states = [job.state for job in jobs] + [conversion.state for conversion in conversions.values()]
    is_logged = all(state is JobState.DONE for state in states)
    if not is_logged and code != GATE_FAILED:
        code = CLOUD_UNUSABLE
    sessions = [session for found in run_sessions(entry, results).values() for session in found]
    await journal.baselines.record(sessions, project=entry.plan.project, open_regressions=open_regressions(gates))
    await journal.baselines.pairs.record(run_pairs(entry, evidence), project=entry.plan.project)
    alerts = await keep_alerts(entry, evidence, journal.baselines, seen=seen, now=now)
    state = RunState.COMPLETED if is_logged else RunState.INTERRUPTED
    ended = replace(entry.run, state=state, exit_code=code, ended_at=now)
    return await _report(replace(entry, alerts=alerts, seen=seen), ended, jobs, gates, evidence, journal)


async def _report(
    entry: RunEntry,
    run: Run,
    jobs: tuple[JobEntry, ...],
    gates: tuple[GateResult, ...],
    evidence: Mapping[Cell, Evidence],
    journal: Journal,
) -> Report:
    results = tuple(_with_file(job.result(), entry) for job in jobs)
    logged = await journal.compiles.of_run(run.id) if entry.converted else {}
    report = Report(
        run=run,
        command=entry.command,
        plan_text=entry.plan.text,
        models=entry.models,
        devices=entry.devices,
        cells=report_cells(entry.cells, results),
        jobs=results,
        gates=gates,
        notices=entry.notices,
        conversions=tuple(_with_hub_run(converted, logged.get(converted.name)) for converted in entry.converted),
        profile=entry.plan.gating.profile,
        alerts=entry.alerts,
        seen=entry.seen,
    )
    return replace(report, cells=with_evidence(report.cells, report.headline, evidence, entry.plan))


def _with_file(result: JobResult, entry: RunEntry) -> JobResult:
    file = entry.file_of(result.key)
    return replace(result, model_sha256=file.sha256, file=file)


def _with_hub_run(converted: ConvertedModel, logged: CompileEntry | None) -> ConvertedModel:
    if logged is None:
        return converted
    return replace(converted, hub_run_id=logged.hub_run_id, refused=logged.refused)
