"""A plan, resolved and frozen: globs expanded, durations in seconds, percentages as fractions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.domain.cell import CellPattern, Variant
from orchestrator.domain.conversion import DEFAULT_POLICY, ConversionPolicy
from orchestrator.domain.device import DeviceSelector

DAY_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """One model file of the plan. `inputs` gives values for dynamic dimensions, `params` go over the plan's.

    `format` is the one that devices get: onnx, tflite, or auto for what each of them takes. `conversion` goes over the
    plan's.
    """

    name: str
    path: Path
    inputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    format: str = "auto"
    conversion: ConversionPolicy = field(default_factory=ConversionPolicy)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much at once, how long, how often. `reconcile_s` None means automatic."""

    in_flight: int = 20
    per_device: int = 2
    poll_interval_s: float = 5.0
    queue_timeout_s: float = 7200.0
    run_timeout_s: float = 900.0
    retries: int = 2
    reconcile_s: float | None = None

    @property
    def longest_s(self) -> float:
        """After so many seconds on the cloud every job was given up."""
        return self.queue_timeout_s + self.run_timeout_s


@dataclass(frozen=True, kw_only=True)
class BaselinePolicy:
    """What relative gates compare with."""

    rolling: int = 20
    min: int = 5
    pinned: str | None = None
    max_age_s: float = 30 * DAY_S
    control: str = "auto"


@dataclass(frozen=True, kw_only=True)
class GateRule:
    """One rule of the gate. `max_regression` is a fraction (0.05 for 5%); `at_least` has the metric's unit.

    `require` maps a compute unit (cpu, gpu, npu) to the smallest share of the time it must have.
    """

    metric: str = ""
    max: float | None = None
    max_regression: float | None = None
    at_least: float | None = None
    level: str = "fail"
    models: str = "*"
    devices: str = "*"
    variants: str = "*"
    require: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Gating:
    """How the gate decides."""

    profile: str = "release"
    max_sessions: int = 3
    statistic: str = "auto"
    new_cells: str = "warn"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When the plan runs by itself."""

    cron: str
    timezone: str = "UTC"


NOTIFY_EVENTS = ("change", "gate", "missing", "unfinished", "recovery")


@dataclass(frozen=True, kw_only=True)
class Notification:
    """Whom to tell of what. `to` is an e-mail address, a plain URL or `$NAME`, a variable that holds the address.

    `on` are those of NOTIFY_EVENTS that are told: a confirmed change, a failed gate, missing cells, a run that did
    not end, and that it is over.
    """

    to: str
    on: tuple[str, ...] = NOTIFY_EVENTS


@dataclass(frozen=True, kw_only=True)
class LocalPolicy:
    """What the local cloud offers besides this computer's processors, and what it asks of attached phones.

    A phone whose battery holds less than `min_battery` (a fraction) is not measured; `cooldown_s` lies between two of
    its jobs.
    """

    adb: bool = False
    min_battery: float = 0.2
    cooldown_s: float = 5.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything the user asked for. `text` is the file as it was, `sha256` its hash."""

    path: Path
    text: str
    sha256: str
    name: str
    project: str
    models: tuple[ModelEntry, ...]
    devices: tuple[DeviceSelector, ...]
    cloud: str = "local"
    local: LocalPolicy = field(default_factory=LocalPolicy)
    conversion: ConversionPolicy = field(default_factory=ConversionPolicy)
    variants: tuple[Variant, ...] = (Variant(),)
    include: tuple[CellPattern, ...] = ()
    exclude: tuple[CellPattern, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    repeats: int = 3
    tags: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    baseline: BaselinePolicy = field(default_factory=BaselinePolicy)
    gates: tuple[GateRule, ...] = ()
    gating: Gating = field(default_factory=Gating)
    schedule: Schedule | None = None
    notify: tuple[Notification, ...] = ()

    def params_for(self, model: ModelEntry, variant: Variant) -> dict[str, str]:
        """The flags of one cell: the plan's, the model's over them, the variant's over both."""
        return {**self.params, **model.params, **variant.params}

    def conversion_of(self, model: ModelEntry) -> ConversionPolicy:
        """How a model may be converted: as it says, as the plan says, and as is usual."""
        return model.conversion.over(self.conversion).over(DEFAULT_POLICY)


def schedule_of(plan: Plan) -> Schedule:
    """The schedule of a plan that was read as one that must have it."""
    assert plan.schedule
    return plan.schedule
