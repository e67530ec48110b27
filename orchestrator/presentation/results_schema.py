"""The shape of results.json, schema version 1. Fields are added, never renamed, within a version.

Where a domain type is itself the shape (a layer, a device, a model), it is used as it is; the classes here are
the objects whose shape is their own. README, "Files of a run", shows the file.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveFloat

from orchestrator.domain.alert import AlertKind, AlertState
from orchestrator.domain.comparison import Comparison
from orchestrator.domain.conversion import ConvertedModel, MeasuredFile
from orchestrator.domain.device import Device
from orchestrator.domain.job import StateChange
from orchestrator.domain.measurement import Layer
from orchestrator.domain.model import Model
from orchestrator.domain.outcome import Failed
from orchestrator.domain.report import SessionReport
from orchestrator.domain.run import Run
from orchestrator.domain.session import Trust

SCHEMA_VERSION: Literal[1] = 1


class _Shape(BaseModel):
    """Numbers are finite, unknown fields (of a later version) are ignored."""

    model_config = ConfigDict(allow_inf_nan=False, extra="ignore", frozen=True)


class MetricDetail(_Shape):
    """What a metric of a job is beyond its value."""

    unit: str
    definition: str = ""
    source: str = ""
    n: int | None = None


class MeasurementShape(_Shape):
    """What a measured job or attempt adds: flat metrics, their details by the same names, and the rest."""

    metrics: Mapping[str, float] = {}
    metric_details: Mapping[str, MetricDetail] = {}
    layers: tuple[Layer, ...] = ()
    runtime: str = ""
    conditions: Mapping[str, str] = {}
    noise: tuple[str, ...] = ()
    profiled: bool = False


OutcomeName = Literal["measured", "failed", "skipped"]


class AttemptShape(_Shape):
    """One try. `measurement` is left out where it is the job's own."""

    number: int
    job_id: str = ""
    outcome: OutcomeName
    failure: Failed | None = None
    skip_reason: str = ""
    measurement: MeasurementShape | None = None
    started_at: datetime
    ended_at: datetime
    changes: tuple[StateChange, ...] = ()
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class JobShape(MeasurementShape):
    """One job with its outcome; the metrics are empty unless it was measured. A control is the old model's job.

    `file` is what was measured, `parent_run_id` the hub's COMPILE run that tells of it, `orphaned` why the job's own
    run does not lie below that.
    """

    model: str
    device: str
    variant: str = "default"
    repeat: int
    role: Literal["candidate", "control"] = "candidate"
    model_sha256: str = ""
    outcome: OutcomeName
    failure: Failed | None = None
    skip_reason: str = ""
    job_id: str = ""
    hub_run_id: str = ""
    attempts: tuple[AttemptShape, ...] = ()
    why: str = ""
    file: MeasuredFile | None = None
    parent_run_id: str = ""
    orphaned: str = ""


class CellMetricShape(_Shape):
    """A metric over the measured jobs of a cell: the median and the range."""

    value: float
    unit: str
    n: int
    low: float
    high: float


class CellLayerShape(_Shape):
    """A layer over the jobs of a cell. `share` is of the layers' sum, 0 to 1."""

    index: int
    name: str
    type: str
    compute_unit: str = ""
    time_us: float
    share: float


class CellShape(_Shape):
    """One cell with its evidence."""

    model: str
    device: str
    variant: str = "default"
    measured: int
    planned: int
    trust: Trust
    reasons: tuple[str, ...] = ()
    metrics: Mapping[str, CellMetricShape] = {}
    layers: tuple[CellLayerShape, ...] = ()
    unit_shares: Mapping[str, float] = {}
    sessions: tuple[SessionReport, ...] = ()
    sensitivity: float | None = None
    sensitivity_reason: str = ""
    file: MeasuredFile | None = None


class GateShape(_Shape):
    """One rule's verdict on one cell."""

    metric: str
    model: str
    device: str
    variant: str = "default"
    rule: str
    verdict: Literal["pass", "warn", "fail", "inconclusive"]
    value: float | None = None
    baseline: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    sensitivity: float | None = None
    reason: str = ""
    cause: str = ""
    sessions: int = 0
    baseline_sessions: int = 0
    statistic: str = ""
    likely: str = ""


class AlertShape(_Shape):
    """A change for the worse of a cell's metric, as it stood when the run ended. `change` is a fraction."""

    id: str
    project: str
    model: str
    device: str
    variant: str = "default"
    metric: str
    kind: AlertKind
    state: AlertState
    is_new: bool = False
    since: datetime
    onset: datetime | None = None
    before: PositiveFloat
    after: PositiveFloat
    change: float
    p: float | None = None
    low: float | None = None
    high: float | None = None
    context: str = ""
    run_id: str
    opened_at: datetime
    who: str = ""
    reason: str = ""
    until: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str = ""
    closed_because: str = ""
    back_since: datetime | None = None


class ResultsFile(_Shape):
    """The whole file."""

    schema_version: Literal[1]
    run: Run
    jobs: tuple[JobShape, ...]
    cells: tuple[CellShape, ...]
    gates: tuple[GateShape, ...] = ()
    command: str = ""
    plan_text: str = ""
    models: tuple[Model, ...] = ()
    devices: tuple[Device, ...] = ()
    notices: tuple[str, ...] = ()
    comparison: Comparison | None = None
    alerts: tuple[AlertShape, ...] = ()
    profile: str = "release"
    conversions: tuple[ConvertedModel, ...] = ()
