"""Under what conditions the numbers were taken: models and what was chosen for them, devices, runtimes, host noise."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.domain.conversion import ConvertedModel
from orchestrator.domain.measurement import METRICS, Measurement
from orchestrator.domain.model import Model
from orchestrator.domain.report import Report
from orchestrator.presentation.conversion_words import (
    beyond_words,
    cosine,
    devices_in_words,
    figure,
    hub_words,
    share,
)
from orchestrator.presentation.page.names import metric_label
from orchestrator.presentation.text import MISSING, amount, duration, plural, size

_MOST_VALUES = 4
_MOST_DEVICES = 60


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """One validated model file."""

    name: str
    format: str
    size: str
    parameters: str
    multiply_accumulates: str
    opset: str
    inputs: tuple[str, ...]
    sha256: str
    random_weights: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ConversionRow:
    """A model that some devices got in another format; `problem` says why it was not measured or what it exceeds."""

    model: str
    devices: str
    converter: str
    original: str
    converted: str
    took: str
    absolute: str
    relative: str
    cosine: str
    sha256: str
    problem: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ChosenRow:
    """The value a dynamic dimension was given, and by whom."""

    model: str
    where: str
    value: str
    source: str


@dataclass(frozen=True, kw_only=True)
class DeviceRow:
    """A device with the runtimes and conditions of its jobs; several values of one condition are listed."""

    name: str
    platform: str
    os: str
    vendor: str
    cpu: str
    runtimes: str
    conditions: tuple[str, ...]
    noise: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A metric of this report: what it means, and how its sources define it."""

    label: str
    name: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The section. `random` names the models with random weights."""

    models: tuple[ModelRow, ...]
    conversions: tuple[ConversionRow, ...]
    chosen: tuple[ChosenRow, ...]
    devices: tuple[DeviceRow, ...]
    more_devices: str
    random: tuple[str, ...]
    profiled: str
    definitions: tuple[Definition, ...]


def conditions(report: Report) -> Conditions:
    """Everything a reader needs to repeat the measurement or to doubt it."""
    of_device: dict[str, list[Measurement]] = defaultdict(list)
    for job in report.jobs:
        if job.measured:
            of_device[job.key.cell.device].append(job.measured.measurement)
    everything = [measurement for found in of_device.values() for measurement in found]
    profiled = sum(1 for measurement in everything if measurement.profiled)
    hidden = len(report.devices) - _MOST_DEVICES
    return Conditions(
        models=tuple(_model_row(model) for model in report.models),
        conversions=tuple(_conversion_row(one, report) for one in report.conversions),
        chosen=tuple(row for model in report.models for row in _chosen(model)),
        devices=tuple(
            DeviceRow(
                name=device.name,
                platform=device.platform,
                os=device.os,
                vendor=device.vendor,
                cpu=device.cpu,
                runtimes=", ".join(_distinct(m.runtime for m in of_device[device.name] if m.runtime)),
                conditions=_conditions(of_device[device.name]),
                noise=tuple(_distinct(reason for m in of_device[device.name] for reason in m.noise)),
            )
            for device in report.devices[:_MOST_DEVICES]
        ),
        more_devices=f"{plural(hidden, 'more device')} in results.json." if hidden > 0 else "",
        random=tuple(model.name for model in report.models if model.random_weights),
        profiled=f"{plural(profiled, 'job')} took the latency while the profiler ran." if profiled else "",
        definitions=_definitions(everything),
    )


def _model_row(model: Model) -> ModelRow:
    return ModelRow(
        name=model.name,
        format=model.format,
        size=size(model.size_bytes),
        parameters=amount(model.parameters),
        multiply_accumulates=amount(model.multiply_accumulates),
        opset="–" if model.opset is None else str(model.opset),
        inputs=tuple(str(tensor) for tensor in model.inputs),
        sha256=model.sha256,
        random_weights=model.random_weights,
        warnings=model.warnings,
    )


def _conversion_row(one: ConvertedModel, report: Report) -> ConversionRow:
    found = one.difference
    absolute, relative, alike = (found.absolute, found.relative, found.cosine) if found else (None,) * 3
    return ConversionRow(
        model=one.name,
        devices=devices_in_words(one),
        converter=str(one.converter),
        original=size(one.source_size_bytes),
        converted=size(one.model.size_bytes) if one.model else MISSING,
        took=duration(one.seconds) if one.model else MISSING,
        absolute=figure(absolute),
        relative=share(relative),
        cosine=cosine(alike),
        sha256=one.model.sha256 if one.model else "",
        problem=one.failure or beyond_words(one),
        remarks=tuple(hub_words(one, report.jobs)),
    )


def _chosen(model: Model) -> Iterable[ChosenRow]:
    for found in model.chosen_dimensions:
        where = f"{found.input}, axis {found.axis}" + (f" ({found.name})" if found.name else "")
        yield ChosenRow(model=model.name, where=where, value=f"{found.value:,}", source=found.source)


def _conditions(measurements: Sequence[Measurement]) -> tuple[str, ...]:
    """ "threads 4", "run_delay_pct 0.1, 0.4, 1.2": each condition with the values it had."""
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in ((name, value) for m in measurements for name, value in m.conditions.items()):
        values[name].append(value)
    return tuple(f"{name} {_listed(found)}" for name, found in values.items())


def _listed(values: Sequence[str]) -> str:
    """The distinct values; of many numbers the lowest and the highest."""
    found = _distinct(values)
    if len(found) <= _MOST_VALUES:
        return ", ".join(found)
    try:
        ordered = sorted(found, key=float)
    except ValueError:
        return f"{', '.join(found[:_MOST_VALUES])} and {len(found) - _MOST_VALUES} more"
    return f"{ordered[0]} to {ordered[-1]}"


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _definitions(measurements: Sequence[Measurement]) -> tuple[Definition, ...]:
    exact: Mapping[str, dict[str, None]] = defaultdict(dict)
    for name, metric in ((name, metric) for m in measurements for name, metric in m.metrics.items()):
        exact[name][metric.definition] = None
    return tuple(
        Definition(
            label=metric_label(name),
            name=name,
            meaning="; ".join([METRICS[name].meaning if name in METRICS else "", *filter(None, found)]).strip("; "),
        )
        for name, found in exact.items()
    )
