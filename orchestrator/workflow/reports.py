"""What a run comes to: its report, from what the journal has, now and at its end."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice

from orchestrator.domain.cell import Cell
from orchestrator.domain.cell_evidence import with_evidence
from orchestrator.domain.cell_report import report_cells
from orchestrator.domain.compare import compare
from orchestrator.domain.conversion import ConvertedModel
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.exit_code import CLOUD_UNUSABLE, GATE_FAILED, exit_code
from orchestrator.domain.gate import judge
from orchestrator.domain.job import JobResult
from orchestrator.domain.journal import CompileEntry, JobEntry, JobState, RunEntry
from orchestrator.domain.plan import Plan
from orchestrator.domain.report import CellReport, GateResult, Report
from orchestrator.domain.run import Run, RunState
from orchestrator.history.journal import Journal
from orchestrator.history.stamp import NOW
from orchestrator.workflow.alerts import keep_alerts
from orchestrator.workflow.causes import with_causes
from orchestrator.workflow.evidence import gather_evidence, open_regressions, run_pairs, run_sessions
from orchestrator.workflow.pace import Pace

CELLS_AT_ONCE = 100  # whose layers are in memory, of a run that another is compared with


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
