"""The parts of a plan that say how it is carried out and judged: limits, baseline, gates, schedule, notifications."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Field, model_validator

from orchestrator.domain.measurement import METRICS
from orchestrator.domain.plan import NOTIFY_EVENTS, BaselinePolicy, GateRule, Gating, Limits, LocalPolicy, Schedule
from orchestrator.inputs.plan_values import (
    Age,
    Cooldown,
    Cron,
    NotifyTarget,
    PollInterval,
    Positive,
    Reconcile,
    Regression,
    Section,
    Share,
    Text,
    Timeout,
    TimeZone,
)
from orchestrator.inputs.quantities import format_duration

if TYPE_CHECKING:
    MetricName: TypeAlias = str
    NotifyEvent: TypeAlias = str
else:  # the domain's tables are the one source of these words, which mypy wants to see spelled out
    MetricName = Literal[tuple(METRICS)]
    NotifyEvent = Literal[NOTIFY_EVENTS]


def _duration_field(default_s: float, alias: str) -> Any:
    return Field(default=default_s, alias=alias, json_schema_extra={"default": format_duration(default_s)})


class LimitsSection(Section):
    """How much at once, how long, how often."""

    in_flight: Annotated[int, Field(ge=1, le=1000)] = Limits.in_flight
    """Jobs on the cloud at once."""
    per_device: Annotated[int, Field(ge=1, le=100)] = Limits.per_device
    """Jobs of one device at once: one running, one waiting, so that it never idles."""
    poll_interval_s: PollInterval = _duration_field(Limits.poll_interval_s, "poll_interval")
    """The shortest time between two questions for a job's state."""
    queue_timeout_s: Timeout = _duration_field(Limits.queue_timeout_s, "queue_timeout")
    """How long a job may wait for its device."""
    run_timeout_s: Timeout = _duration_field(Limits.run_timeout_s, "run_timeout")
    """How long a job may run."""
    retries: Annotated[int, Field(ge=0, le=20)] = Limits.retries
    """Further attempts at a job after failures of the infrastructure."""
    reconcile_s: Reconcile = Field(default=Limits.reconcile_s, alias="reconcile", json_schema_extra={"default": "auto"})
    """How long a job whose answer was lost is watched for before it is submitted again."""

    @model_validator(mode="after")
    def _fit_together(self) -> "LimitsSection":
        """What is said must be possible; what is not said gives way by itself."""
        if "per_device" in self.model_fields_set and self.per_device > self.in_flight:
            message = f"'per_device' ({self.per_device}) is more than 'in_flight' ({self.in_flight}) allows"
            raise ValueError(message)
        shortest_s = min(self.queue_timeout_s, self.run_timeout_s)
        if "poll_interval_s" in self.model_fields_set and self.poll_interval_s > shortest_s:
            message = f"'poll_interval' is longer than a timeout ({format_duration(shortest_s)}): jobs would end unseen"
            raise ValueError(message)
        return self


class LocalSection(Section):
    """The local cloud: which devices it has besides this computer's processors."""

    adb: bool = LocalPolicy.adb
    """Whether the Android phones that are attached over adb are devices too."""
    min_battery: Share = Field(default=LocalPolicy.min_battery, json_schema_extra={"default": "20%"})
    """A phone with less in its battery is not measured."""
    cooldown_s: Cooldown = _duration_field(LocalPolicy.cooldown_s, "cooldown")
    """The rest of a phone between two jobs."""


class BaselineSection(Section):
    """What relative gates compare with."""

    rolling: Annotated[int, Field(ge=2, le=1000)] = BaselinePolicy.rolling
    """Recent trusted sessions to compare with."""
    min: Annotated[int, Field(ge=2, le=1000)] = BaselinePolicy.min
    """With fewer sessions than these, a gate stays undecided."""
    pinned: Text | None = None
    """The name of a run, as given by 'bench baseline set'."""
    max_age_s: Age = _duration_field(BaselinePolicy.max_age_s, "max_age")
    """Older sessions do not count."""
    control: Literal["auto", "always", "never"] = "auto"
    """Whether the old model is run again beside the new one."""

    @model_validator(mode="after")
    def _fit_together(self) -> "BaselineSection":
        if self.min > self.rolling:
            message = f"'min' ({self.min}) is more than 'rolling' ({self.rolling}) ever looks at"
            raise ValueError(message)
        return self


class GateSection(Section):
    """One rule: a budget (max), a comparison (max_regression), or where the time must be spent (require)."""

    metric: MetricName | None = None
    max: Positive | None = None
    """The most it may be, in the metric's unit."""
    max_regression: Regression | None = None
    """The most it may be worse than the baseline, such as 5%."""
    at_least: Positive | None = None
    """Differences below this, in the metric's unit, are no regression."""
    level: Literal["fail", "warn"] = "fail"
    models: Text = GateRule.models
    """A glob of model names."""
    devices: Text = GateRule.devices
    """A glob of device names."""
    variants: Text = GateRule.variants
    """A glob of variant names."""
    require: dict[Literal["cpu", "gpu", "npu"], Share] = Field(default={})
    """The smallest share of the time on a compute unit, such as {npu: 95%}."""

    @model_validator(mode="after")
    def _is_a_rule(self) -> "GateSection":
        if wrong := self._what_is_wrong():
            raise ValueError(wrong)
        return self

    def _what_is_wrong(self) -> str:
        judged = [name for name in ("metric", "max", "max_regression", "at_least") if getattr(self, name) is not None]
        if self.require:
            return (
                f"'require' and '{judged[0]}' do not go together: make two rules of them" if judged else _too_much(self)
            )
        if self.max is None and self.max_regression is None:
            return "the rule decides nothing: give 'max', 'max_regression' or 'require'"
        if self.metric is None:
            return "'metric' is missing: which number is judged?"
        if self.max is not None and not METRICS[self.metric].lower_is_better:
            return f"more {self.metric} is better, so 'max' would fail the best: use 'max_regression'"
        if self.at_least is not None and self.max_regression is None:
            return "'at_least' is part of a comparison: it needs 'max_regression'"
        return ""


def _too_much(gate: GateSection) -> str:
    total = sum(gate.require.values())
    return f"'require' asks for {total:.0%} of the time in all" if total > 1 + 1e-9 else ""


class GatingSection(Section):
    """How gates decide."""

    profile: Literal["release", "nightly"] = "release"
    """What an undecided gate means: in a release it is not green, at night it warns."""
    max_sessions: Annotated[int, Field(ge=1, le=10)] = Gating.max_sessions
    """Sessions of a doubtful cell at most, the first one counted."""
    statistic: Literal["auto", "best", "median"] = "auto"
    """What a session's jobs amount to: auto takes whichever spreads less in the baseline."""
    new_cells: Literal["warn", "fail", "inconclusive"] = "warn"
    """The verdict where there is no baseline yet."""


class ScheduleSection(Section):
    """When 'bench schedule' runs the plan."""

    cron: Cron
    """Minute, hour, day of the month, month, day of the week."""
    timezone: TimeZone = Schedule.timezone
    """A name such as Europe/Stockholm."""


class NotifySection(Section):
    """Whom to tell of what."""

    to: NotifyTarget
    """An e-mail address, a plain address, or $NAME: an environment variable that holds the address."""
    on: list[NotifyEvent] = Field(default=list(NOTIFY_EVENTS), min_length=1, max_length=len(NOTIFY_EVENTS))
    """Which news are told; default: all."""
