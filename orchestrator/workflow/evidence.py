"""What a run, and those before it, have to say for and against each of its cells."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from orchestrator.domain.alert import Alert, woken
from orchestrator.domain.calibrate import Calibration, calibrate
from orchestrator.domain.cell import Cell
from orchestrator.domain.cell_sessions import sessions_of
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.finding import Cause, Verdict
from orchestrator.domain.job import JobResult
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.plan import Plan
from orchestrator.domain.report import GateResult
from orchestrator.domain.session import FILE, Pair, Session
from orchestrator.errors import UsageError
from orchestrator.history.asked import Asked
from orchestrator.history.baselines import Baselines, SessionsByCell
from orchestrator.history.stamp import NOW

_WORSE = (Cause.SUSPICIOUS, Cause.MOVED, Cause.ACKNOWLEDGED)
LOOKED_BACK = 10  # times as many sessions as the rolling baseline takes: some are of another context


def asked_for(entry: RunEntry, until: int = NOW) -> Asked:
    """What baselines are asked for on behalf of a run, as they were at a stamp."""
    return Asked(project=entry.plan.project, run_id=entry.run.id, at=entry.run.started_at, until=until)


async def gather_evidence(
    entry: RunEntry,
    jobs: Iterable[JobResult],
    baselines: Baselines,
    *,
    with_pinned: bool = True,
    seen: int = NOW,
) -> dict[Cell, Evidence]:
    """The evidence of each planned cell as it was at the stamp `seen`: this run's sessions, the accepted ones before
    it, the pinned run's, and what was known of changes when it began.

    Raises UsageError where no run has the name that the plan pins; `with_pinned` False does without it.
    """
    asked, cells = asked_for(entry, seen), entry.cells
    jobs = list(jobs)
    current, control = run_sessions(entry, jobs), run_sessions(entry, jobs, control=True)
    rolling = await baselines.rolling(asked, cells, limit=LOOKED_BACK * entry.plan.baseline.rolling)
    before = await baselines.before_anew(asked, cells, limit=LOOKED_BACK * entry.plan.baseline.rolling)
    pinned = await pinned_sessions(entry.plan, baselines, seen) if with_pinned else {}
    pairs = await baselines.pairs.before(asked, cells, limit=LOOKED_BACK * entry.plan.baseline.rolling)
    anew = await baselines.anew(asked, cells)
    alerts: dict[Cell, list[Alert]] = defaultdict(list)
    for alert in await baselines.alerts.all(entry.plan.project, cells, until=seen):
        alerts[alert.cell].append(woken(alert, entry.run.started_at))
    return {
        cell: Evidence(
            current=current[cell],
            baseline=rolling[cell],
            before=before.get(cell, ()),
            pinned=pinned.get(cell, ()),
            old=entry.old_model(cell),
            control=control[cell],
            pairs=pairs[cell],
            alerts=tuple(alerts[cell]),
            anew=anew.get(cell),
        )
        for cell in cells
    }


async def check_pinned(plan: Plan, baselines: Baselines) -> None:
    """Raises UsageError where the plan pins a name that no run has: better before the run than after it."""
    await pinned_sessions(plan, baselines)


async def pinned_sessions(plan: Plan, baselines: Baselines, seen: int = NOW) -> SessionsByCell:
    """The sessions of the run that the plan pins, none where it pins none. Raises UsageError for an unknown name."""
    name = plan.baseline.pinned
    if name is None:
        return {}
    names = await baselines.names(until=seen)
    if name not in names:
        message = f"{plan.path}: 'pinned': no run is called {name!r}; 'bench baseline set {name} RUN' names one"
        raise UsageError(message)
    return await baselines.of_run(names[name])


def run_sessions(
    entry: RunEntry, jobs: Iterable[JobResult], *, control: bool = False
) -> Mapping[Cell, tuple[Session, ...]]:
    """This run's sessions of each planned cell; with `control` those of the old models beside them."""
    of_cell: dict[Cell, list[JobResult]] = defaultdict(list)
    for job in jobs:
        if job.key.control is control:
            of_cell[job.key.cell].append(job)
    return {cell: cell_sessions(entry, cell, of_cell[cell]) for cell in entry.cells}


def run_pairs(entry: RunEntry, evidence: Mapping[Cell, Evidence]) -> tuple[Pair, ...]:
    """This run's sessions of a model beside itself."""
    found = (
        zip(told.beside.current, told.beside.control, strict=True)
        for told in evidence.values()
        if told.old is not None and told.old.is_same
    )
    return tuple(pair for pairs in found for pair in pairs)


def cell_sessions(entry: RunEntry, cell: Cell, jobs: Sequence[JobResult]) -> tuple[Session, ...]:
    """The cell's sessions in this run, with what is known of their context before any job ran."""
    file = entry.file_of(jobs[0].key) if jobs else None
    converted = {FILE: str(file)} if file and file.converted_by else {}
    flags = ", ".join(f"{name}={value}" for name, value in sorted(entry.params(cell).items()))
    return sessions_of(
        cell,
        jobs,
        repeats=entry.plan.repeats,
        run_id=entry.run.id,
        at=entry.run.started_at,
        context={"os": entry.device(cell.device).os, "flags": flags, "bench": entry.run.tool_version, **converted},
        model_size_mb=file.size_bytes / 1e6 if file else 0.0,
    )


def calibrations(
    sessions: SessionsByCell, pairs: Mapping[Cell, tuple[Pair, ...]], statistic: str
) -> dict[Cell, Calibration | None]:
    """Each cell's noise in its median latency (its mean, where no source gives a median)."""
    return {
        cell: calibrate(found, "latency_p50_ms", statistic, pairs.get(cell, ()))
        or calibrate(found, "latency_ms", statistic, pairs.get(cell, ()))
        for cell, found in sessions.items()
    }


def open_regressions(gates: Iterable[GateResult]) -> set[Cell]:
    """The cells that are worse than their baseline, or may be: their sessions must not become one."""
    return {gate.cell for gate in gates if gate.baseline is not None and _is_worse(gate)}


def _is_worse(gate: GateResult) -> bool:
    return gate.verdict == Verdict.FAIL or gate.cause in _WORSE or _warns_of_more(gate)


def _warns_of_more(gate: GateResult) -> bool:
    return gate.verdict == Verdict.WARN and not gate.cause
