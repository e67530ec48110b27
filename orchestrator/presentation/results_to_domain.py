"""The shape of results.json as the report that it was written from."""

from orchestrator.domain.alert import Alert
from orchestrator.domain.cell import Cell
from orchestrator.domain.job import Attempt, JobKey, JobResult
from orchestrator.domain.measurement import Layer, Measurement, Metric
from orchestrator.domain.outcome import Measured, Outcome, Skipped
from orchestrator.domain.report import CellLayer, CellMetric, CellReport, GateResult, Report
from orchestrator.domain.statistics import Summary
from orchestrator.presentation import results_schema as shape

_KEY = {"model", "device", "variant"}


def report_in(file: shape.ResultsFile) -> Report:
    """The report that the file was written from."""
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
        comparison=file.comparison,
        alerts=tuple(_alert(alert) for alert in file.alerts),
        profile=file.profile,
        conversions=file.conversions,
    )


def _cell(found: shape.JobShape | shape.CellShape | shape.GateShape | shape.AlertShape) -> Cell:
    return Cell(model=found.model, device=found.device, variant=found.variant)


def _job(job: shape.JobShape) -> JobResult:
    outcome = _outcome(job, job)
    return JobResult(
        key=JobKey(cell=_cell(job), repeat=job.repeat, control=job.role == "control"),
        model_sha256=job.model_sha256,
        outcome=outcome,
        attempts=tuple(_attempt(attempt, outcome) for attempt in job.attempts),
        hub_run_id=job.hub_run_id,
        why=job.why,
        file=job.file,
        parent_run_id=job.parent_run_id,
        orphaned=job.orphaned,
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
        sessions=cell.sessions,
        sensitivity=cell.sensitivity,
        sensitivity_reason=cell.sensitivity_reason,
        file=cell.file,
    )


def _cell_metric(metric: shape.CellMetricShape) -> CellMetric:
    summary = Summary(value=metric.value, n=metric.n, low=metric.low, high=metric.high)
    return CellMetric(unit=metric.unit, summary=summary)


def _cell_layer(found: shape.CellLayerShape) -> CellLayer:
    fields = found.model_dump(exclude={"share"})
    return CellLayer(layer=Layer(**fields), time_us=found.time_us, share=found.share)


def _gate(gate: shape.GateShape) -> GateResult:
    return GateResult(cell=_cell(gate), **gate.model_dump(exclude=_KEY))


def _alert(alert: shape.AlertShape) -> Alert:
    told = _KEY | {"id", "change", "is_new"}
    return Alert(cell=_cell(alert), **alert.model_dump(exclude=told))
