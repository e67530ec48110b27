"""results.json: the source of every other output. `from_json(to_json(report))` is the report again.

The shape is declared in results_schema; here it is filled from the domain, and the domain from it.
"""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from orchestrator.domain.cell import Cell
from orchestrator.domain.job import Attempt, JobKey, JobResult
from orchestrator.domain.measurement import Layer, Measurement, Metric
from orchestrator.domain.outcome import Failed, Measured, Outcome, Skipped
from orchestrator.domain.report import CellLayer, CellMetric, CellReport, GateResult, Report
from orchestrator.domain.statistics import Summary
from orchestrator.errors import UsageError
from orchestrator.presentation import results_schema as shape

_KEY = {"model", "device", "variant"}


def to_json(report: Report) -> dict[str, Any]:
    """The report as values for JSON. A number that is not finite is left out, as one that was never measured."""
    file = shape.ResultsFile(
        schema_version=shape.SCHEMA_VERSION,
        run=report.run,
        jobs=tuple(_job_shape(job) for job in report.jobs),
        cells=tuple(_cell_shape(cell) for cell in report.cells),
        gates=tuple(_gate_shape(gate) for gate in report.gates),
        command=report.command,
        plan_text=report.plan_text,
        models=report.models,
        devices=report.devices,
        notices=report.notices,
    )
    return file.model_dump(mode="json")


def dump_report(report: Report) -> str:
    """The text of results.json."""
    return json.dumps(to_json(report), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def from_json(data: object) -> Report:
    """The report that `data` was written from. Raises UsageError for anything else, naming the first place."""
    if not isinstance(data, Mapping) or "schema_version" not in data:
        message = "not a results.json: it has no schema_version"
        raise UsageError(message)
    if data["schema_version"] != shape.SCHEMA_VERSION:
        message = (
            f"results.json has schema_version {data['schema_version']!r:.40}; this program reads "
            f"{shape.SCHEMA_VERSION}: use the program that wrote it, or a newer one"
        )
        raise UsageError(message)
    try:
        return _report(shape.ResultsFile.model_validate(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"results.json is broken at {place}: {first['msg']}"
        raise UsageError(message) from error


def load_report(path: Path) -> Report:
    """Reads results.json. Raises UsageError, naming the file, where it is missing, unreadable or not one."""
    try:
        return from_json(json.loads(path.read_bytes(), parse_constant=_refuse_constant))
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise UsageError(message) from error
    except (ValueError, RecursionError) as error:
        message = f"{path} is not JSON: {error}"
        raise UsageError(message) from error
    except UsageError as error:
        message = f"{path}: {error}"
        raise UsageError(message) from error


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not a number that JSON has"
    raise ValueError(message)


# ---- the domain into the shape ----


def _job_shape(job: JobResult) -> shape.JobShape:
    cell = job.key.cell
    return shape.JobShape(
        model=cell.model,
        device=cell.device,
        variant=cell.variant,
        repeat=job.key.repeat,
        **_outcome_fields(job.outcome),
        **_measurement_fields(job.outcome),
        job_id=job.job_id,
        hub_run_id=job.hub_run_id,
        attempts=tuple(_attempt_shape(attempt, job.outcome) for attempt in job.attempts),
    )


def _attempt_shape(attempt: Attempt, of_job: Outcome) -> shape.AttemptShape:
    differs = isinstance(attempt.outcome, Measured) and attempt.outcome != of_job
    return shape.AttemptShape(
        number=attempt.number,
        job_id=attempt.job_id,
        **_outcome_fields(attempt.outcome),
        measurement=shape.MeasurementShape(**_measurement_fields(attempt.outcome)) if differs else None,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        changes=attempt.changes,
        files=attempt.files,
        notes=attempt.notes,
    )


def _outcome_fields(outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Measured():
            return {"outcome": "measured"}
        case Failed():
            return {"outcome": "failed", "failure": outcome}
        case Skipped():
            return {"outcome": "skipped", "skip_reason": outcome.reason}


def _measurement_fields(outcome: Outcome) -> dict[str, Any]:
    if not isinstance(outcome, Measured):
        return {}
    found = outcome.measurement
    metrics = {name: metric for name, metric in found.metrics.items() if math.isfinite(metric.value)}
    details = {
        name: shape.MetricDetail(unit=metric.unit, definition=metric.definition, source=metric.source, n=metric.n)
        for name, metric in metrics.items()
    }
    return {
        "metrics": {name: metric.value for name, metric in metrics.items()},
        "metric_details": details,
        "layers": tuple(layer for layer in found.layers if math.isfinite(layer.time_us)),
        "runtime": found.runtime,
        "conditions": found.conditions,
        "noise": found.noise,
        "profiled": found.profiled,
    }


def _cell_shape(report: CellReport) -> shape.CellShape:
    cell = report.cell
    return shape.CellShape(
        model=cell.model,
        device=cell.device,
        variant=cell.variant,
        measured=report.measured,
        planned=report.planned,
        trust=report.trust,
        reasons=report.reasons,
        metrics={name: _metric_shape(metric) for name, metric in report.metrics.items() if _all_finite(metric.summary)},
        layers=tuple(_layer_shape(layer) for layer in _finite_layers(report.layers)),
        unit_shares={unit: share for unit, share in report.unit_shares.items() if math.isfinite(share)},
    )


def _all_finite(summary: Summary) -> bool:
    return all(map(math.isfinite, (summary.value, summary.low, summary.high)))


def _finite_layers(layers: Iterable[CellLayer]) -> Iterable[CellLayer]:
    return (layer for layer in layers if math.isfinite(layer.time_us) and math.isfinite(layer.share))


def _metric_shape(metric: CellMetric) -> shape.CellMetricShape:
    summary = metric.summary
    return shape.CellMetricShape(value=summary.value, unit=metric.unit, n=summary.n, low=summary.low, high=summary.high)


def _layer_shape(found: CellLayer) -> shape.CellLayerShape:
    layer = found.layer
    return shape.CellLayerShape(
        index=layer.index,
        name=layer.name,
        type=layer.type,
        compute_unit=layer.compute_unit,
        time_us=found.time_us,
        share=found.share,
    )


def _gate_shape(gate: GateResult) -> shape.GateShape:
    numbers = {name: _finite(getattr(gate, name)) for name in ("value", "baseline", "change")}
    cell = gate.cell
    return shape.GateShape.model_validate(
        {
            "model": cell.model,
            "device": cell.device,
            "variant": cell.variant,
            "metric": gate.metric,
            "rule": gate.rule,
            "verdict": gate.verdict,
            "reason": gate.reason,
            **numbers,
        }
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


# ---- the shape into the domain ----


def _report(file: shape.ResultsFile) -> Report:
    return Report(
        run=file.run,
        command=file.command,
        plan_text=file.plan_text,
        models=file.models,
        devices=file.devices,
        cells=tuple(_cell_report(cell) for cell in file.cells),
        jobs=tuple(_job(job) for job in file.jobs),
        gates=tuple(_gate(gate) for gate in file.gates),
        notices=file.notices,
    )


def _cell(found: shape.JobShape | shape.CellShape | shape.GateShape) -> Cell:
    return Cell(model=found.model, device=found.device, variant=found.variant)


def _job(job: shape.JobShape) -> JobResult:
    outcome = _outcome(job, job)
    return JobResult(
        key=JobKey(cell=_cell(job), repeat=job.repeat),
        outcome=outcome,
        attempts=tuple(_attempt(attempt, outcome) for attempt in job.attempts),
        hub_run_id=job.hub_run_id,
    )


def _attempt(attempt: shape.AttemptShape, of_job: Outcome) -> Attempt:
    shared = attempt.outcome == "measured" and attempt.measurement is None
    return Attempt(
        number=attempt.number,
        job_id=attempt.job_id,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        outcome=of_job if shared else _outcome(attempt, attempt.measurement),
        changes=attempt.changes,
        files=attempt.files,
        notes=attempt.notes,
    )


def _outcome(found: shape.JobShape | shape.AttemptShape, numbers: shape.MeasurementShape | None) -> Outcome:
    if found.outcome == "measured" and numbers is not None:
        return Measured(measurement=_measurement(numbers))
    if found.outcome == "failed" and found.failure is not None:
        return found.failure
    return Skipped(reason=found.skip_reason)


def _measurement(found: shape.MeasurementShape) -> Measurement:
    unknown = shape.MetricDetail(unit="")
    details = {name: found.metric_details.get(name, unknown) for name in found.metrics}
    return Measurement(
        metrics={name: Metric(value=value, **details[name].model_dump()) for name, value in found.metrics.items()},
        layers=found.layers,
        runtime=found.runtime,
        conditions=found.conditions,
        noise=found.noise,
        profiled=found.profiled,
    )


def _cell_report(cell: shape.CellShape) -> CellReport:
    return CellReport(
        cell=_cell(cell),
        planned=cell.planned,
        measured=cell.measured,
        trust=cell.trust,
        reasons=cell.reasons,
        metrics={name: _cell_metric(metric) for name, metric in cell.metrics.items()},
        layers=tuple(_cell_layer(layer) for layer in cell.layers),
        unit_shares=cell.unit_shares,
    )


def _cell_metric(metric: shape.CellMetricShape) -> CellMetric:
    summary = Summary(value=metric.value, n=metric.n, low=metric.low, high=metric.high)
    return CellMetric(unit=metric.unit, summary=summary)


def _cell_layer(found: shape.CellLayerShape) -> CellLayer:
    fields = found.model_dump(exclude={"share"})
    return CellLayer(layer=Layer(**fields), time_us=found.time_us, share=found.share)


def _gate(gate: shape.GateShape) -> GateResult:
    return GateResult(cell=_cell(gate), **gate.model_dump(exclude=_KEY))
