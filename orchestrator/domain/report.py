"""The one value that every output is made from. Templates and writers do no arithmetic: it is done here."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.domain.alert import Alert
from orchestrator.domain.cell import Cell
from orchestrator.domain.comparison import Comparison
from orchestrator.domain.conversion import ConvertedModel, MeasuredFile
from orchestrator.domain.device import Device
from orchestrator.domain.finding import Cause
from orchestrator.domain.job import JobResult
from orchestrator.domain.measurement import Layer
from orchestrator.domain.model import Model
from orchestrator.domain.run import Run, RunState
from orchestrator.domain.session import Trust
from orchestrator.domain.statistics import Summary

HEADLINES = ("latency_p50_ms", "latency_ms")  # what cells are ranked and judged by: the first that all of them have
_OPEN_CAUSES = {cause.value for cause in Cause if cause.leaves_open}


class RunVerdict(StrEnum):
    """What a run amounts to: `passed` with gates, `measured` without."""

    INTERRUPTED = "interrupted"
    FAILED = "failed"
    NOTHING_MEASURED = "nothing measured"
    INCOMPLETE = "incomplete"
    UNDECIDED = "undecided"
    MEASURED = "measured"
    PASSED = "passed"


@dataclass(frozen=True, kw_only=True)
class CellMetric:
    """A metric of a cell over its measured jobs."""

    unit: str
    summary: Summary


@dataclass(frozen=True, kw_only=True)
class CellLayer:
    """A layer over the cell's jobs: the median time per inference and its share of the layers' sum (0 to 1).

    `layer.time_us` is that median too.
    """

    layer: Layer
    time_us: float
    share: float


@dataclass(frozen=True, kw_only=True)
class SessionReport:
    """A session of a cell by the run's headline metric: `value` is what its jobs amount to, its best or their median.

    `low` to `high` is their range; the three are None where no job gave the metric. `beside` is what the old model's
    session beside it amounts to, of `beside_planned` jobs. `why` says what made it worth measuring the cell once more,
    "" where the plan asked for the session.
    """

    number: int
    planned: int
    measured: int
    trust: Trust
    reasons: tuple[str, ...] = ()
    statistic: str = "best"
    value: float | None = None
    low: float | None = None
    high: float | None = None
    beside: float | None = None
    beside_planned: int = 0
    beside_measured: int = 0
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class CellReport:
    """What is known of one cell, with the evidence: how many jobs were planned and measured, and how far to trust.

    `sensitivity` is the smallest change of the headline metric that one session could show, as a fraction;
    `sensitivity_reason` says what it rests on or, where it is None, why nothing can be said. `file` is what was
    measured, None where nobody says.
    """

    cell: Cell
    planned: int
    measured: int
    trust: Trust
    reasons: tuple[str, ...]
    metrics: Mapping[str, CellMetric]
    layers: tuple[CellLayer, ...] = ()
    unit_shares: Mapping[str, float] = field(default_factory=dict)
    sessions: tuple[SessionReport, ...] = ()
    sensitivity: float | None = None
    sensitivity_reason: str = ""
    file: MeasuredFile | None = None

    @property
    def subject(self) -> str:
        """The model, or that it was converted: the two are not the same thing, and are not compared."""
        return f"{self.cell.model} (converted)" if self.file and self.file.converted_by else self.cell.model

    def metric(self, name: str) -> Summary | None:
        """The metric's summary, None where no job gave it."""
        found = self.metrics.get(name)
        return found.summary if found else None


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """A rule's verdict on a cell: pass, warn, fail or inconclusive.

    `change` is a fraction with its interval from `low` to `high`; `sensitivity` is the smallest change the evidence
    could have shown. Each is None where the rule has no such number. `cause` says in a word for programs why a verdict
    is open or unsure, "" where it is neither; `sessions` and `baseline_sessions` are what it rests on, `statistic`
    (best or median) what a session's jobs amounted to; `likely` says in words what made the cell slower, as far as its
    layers tell.
    """

    cell: Cell
    metric: str
    rule: str
    verdict: str
    reason: str
    value: float | None = None
    baseline: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    sensitivity: float | None = None
    cause: str = ""
    sessions: int = 0
    baseline_sessions: int = 0
    statistic: str = ""
    likely: str = ""

    @property
    def is_open(self) -> bool:
        """Whether nothing was decided, be it that this blocks or only warns."""
        is_warned_of = self.verdict == "warn" and self.cause in _OPEN_CAUSES
        return self.verdict == "inconclusive" or is_warned_of


@dataclass(frozen=True, kw_only=True)
class Report:
    """A run with all that any output says of it. `comparison` is None where it was compared with no other run.

    `profile` is what its gates were judged for: a release, or a nightly, where what is open only warns.
    `alerts` are those of the run's cells as they stood when it ended: all that were not over, and what it resolved.
    `conversions` are the models that some of its devices got in another format.
    `seen` is the stamp of the newest change of what it was judged by (history/stamp.py), None before it was.
    """

    run: Run
    command: str
    plan_text: str
    models: tuple[Model, ...]
    devices: tuple[Device, ...]
    cells: tuple[CellReport, ...]
    jobs: tuple[JobResult, ...]
    gates: tuple[GateResult, ...] = ()
    notices: tuple[str, ...] = ()
    comparison: Comparison | None = None
    conversions: tuple[ConvertedModel, ...] = ()
    profile: str = "release"
    alerts: tuple[Alert, ...] = ()
    seen: int | None = None

    @property
    def new_alerts(self) -> tuple[Alert, ...]:
        """The changes that this run found."""
        return tuple(alert for alert in self.alerts if alert.run_id == self.run.id)

    @property
    def resolved_alerts(self) -> tuple[Alert, ...]:
        """The changes that this run showed to be gone."""
        return tuple(alert for alert in self.alerts if alert.closed_by == self.run.id)

    @property
    def counts(self) -> Mapping[str, int]:
        """Jobs planned, measured, failed and skipped; attempts are not counted."""
        measured = sum(1 for job in self.jobs if job.measured)
        failed = sum(1 for job in self.jobs if job.failed)
        planned = len(self.jobs)
        return {"planned": planned, "measured": measured, "failed": failed, "skipped": planned - measured - failed}

    @property
    def headline(self) -> str:
        """The latency metric that cells are compared by: of HEADLINES, the one that most measured cells have."""
        return max(HEADLINES, key=lambda name: sum(1 for cell in self.cells if name in cell.metrics))

    @property
    def jobs_by_cell(self) -> Mapping[Cell, tuple[JobResult, ...]]:
        """The jobs of each cell that has any, in the report's order, without those of old models beside them."""
        return grouped_by_cell(job for job in self.jobs if not job.key.control)

    @property
    def controls_by_cell(self) -> Mapping[Cell, tuple[JobResult, ...]]:
        """The jobs of the old model beside each cell that has any."""
        return grouped_by_cell(job for job in self.jobs if job.key.control)

    @property
    def verdict(self) -> RunVerdict:
        """What the run amounts to. Nothing is good without evidence: no measured job is never a pass."""
        verdicts = {gate.verdict for gate in self.gates}
        if self.run.state is RunState.INTERRUPTED:
            return RunVerdict.INTERRUPTED
        if "fail" in verdicts:
            return RunVerdict.FAILED
        if not self.counts["measured"]:
            return RunVerdict.NOTHING_MEASURED
        if self.counts["measured"] < self.counts["planned"] or self.run.exit_code not in (None, 0, 10, 12):
            return RunVerdict.INCOMPLETE
        if "inconclusive" in verdicts:
            return RunVerdict.UNDECIDED
        return RunVerdict.PASSED if verdicts else RunVerdict.MEASURED


def grouped_by_cell(jobs: Iterable[JobResult]) -> Mapping[Cell, tuple[JobResult, ...]]:
    """The jobs of each cell that has any, in their order."""
    found: dict[Cell, list[JobResult]] = defaultdict(list)
    for job in jobs:
        found[job.key.cell].append(job)
    return {cell: tuple(jobs) for cell, jobs in found.items()}
