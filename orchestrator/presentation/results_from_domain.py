"""The report as the shape of results.json. What is not finite is left out, as if it had never been measured."""

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.domain.alert import Alert
from orchestrator.domain.job import Attempt, JobResult
from orchestrator.domain.model import Model
from orchestrator.domain.outcome import Failed, Measured, Outcome, Skipped
from orchestrator.domain.report import CellLayer, CellMetric, CellReport, GateResult, Report
from orchestrator.domain.statistics import Summary
from orchestrator.presentation import results_schema as shape


def results_file(report: Report) -> shape.ResultsFile:
    """The whole file."""
    return shape.ResultsFile(
        schema_version=shape.SCHEMA_VERSION,
        run=report.run,
        jobs=tuple(job_shape(job) for job in report.jobs),
        cells=tuple(cell_shape(cell) for cell in report.cells),
        gates=tuple(_gate_shape(gate) for gate in report.gates),
        command=report.command,
        plan_text=report.plan_text,
        models=tuple(map(_shared, report.models)),
        devices=report.devices,
        notices=report.notices,
        comparison=report.comparison,
        alerts=tuple(alert_shape(alert, report.run.id) for alert in report.alerts),
        profile=report.profile,
        conversions=tuple(replace(one, model=one.model and _shared(one.model)) for one in report.conversions),
    )


def _shared(model: Model) -> Model:
    """Results are sent on: where a model lay on this computer is left out of them."""
    return replace(model, path=_below(model.path), external_files=tuple(map(_below, model.external_files)))


def _below(path: Path) -> Path:
    return Path(path.name) if path.is_absolute() else path


def job_shape(job: JobResult) -> shape.JobShape:
    """A job with its outcome."""
    cell = job.key.cell
    return shape.JobShape(
        model=cell.model,
        device=cell.device,
        variant=cell.variant,
        repeat=job.key.repeat,
        role=job.key.role,
        model_sha256=job.model_sha256,
        **_outcome_fields(job.outcome),
        **_measurement_fields(job.outcome),
        job_id=job.job_id,
        hub_run_id=job.hub_run_id,
        attempts=tuple(_attempt_shape(attempt, job.outcome) for attempt in job.attempts),
        why=job.why,
        file=job.file,
        parent_run_id=job.parent_run_id,
        orphaned=job.orphaned,
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


def cell_shape(report: CellReport) -> shape.CellShape:
    """A cell with its evidence."""
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
        sessions=report.sessions,
        sensitivity=_finite(report.sensitivity),
        sensitivity_reason=report.sensitivity_reason,
        file=report.file,
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
    names = ("value", "baseline", "change", "low", "high", "sensitivity")
    numbers = {name: _finite(getattr(gate, name)) for name in names}
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
            "cause": gate.cause,
            "sessions": gate.sessions,
            "baseline_sessions": gate.baseline_sessions,
            "statistic": gate.statistic,
            "likely": gate.likely,
            **numbers,
        }
    )


def alert_shape(alert: Alert, run_id: str = "") -> shape.AlertShape:
    """An alert, for the results of a run or by itself."""
    names, cell = shape.AlertShape.model_fields, alert.cell
    given = {name: getattr(alert, name) for name in names if hasattr(alert, name)}
    place = {"model": cell.model, "device": cell.device, "variant": cell.variant}
    return shape.AlertShape.model_validate({**given, **place, "is_new": alert.run_id == run_id})


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
