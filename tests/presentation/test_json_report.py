"""results.json: the documented shape, and the way back."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.cell import Cell
from orchestrator.domain.cell_report import report_cell
from orchestrator.domain.job import Attempt, JobKey, JobResult, StateChange
from orchestrator.domain.measurement import Layer, Measurement, Metric
from orchestrator.domain.outcome import Failed, FailureKind, Measured, Skipped
from orchestrator.domain.report import GateResult, Report
from orchestrator.domain.run import Run, RunState
from orchestrator.errors import UsageError
from orchestrator.presentation.json_report import dump_report, from_json, load_report, to_json

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.dictionaries(texts, texts, max_size=3)
finite = st.floats(allow_nan=False, allow_infinity=False)
moments = st.integers(0, 10**9).map(lambda s: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=s, microseconds=7))
metrics = st.builds(
    Metric, value=finite, unit=texts, definition=texts, source=texts, n=st.none() | st.integers(0, 10**6)
)
layers = st.builds(
    Layer, index=st.integers(0, 9), name=texts, type=texts, time_us=st.floats(0, 1e9), compute_unit=texts
)
measurements = st.builds(
    Measurement,
    metrics=st.dictionaries(texts, metrics, max_size=3),
    layers=st.lists(layers, max_size=3).map(tuple),
    runtime=texts,
    conditions=names,
    noise=st.lists(texts, max_size=2).map(tuple),
    profiled=st.booleans(),
)
outcomes = (
    st.builds(Measured, measurement=measurements)
    | st.builds(Failed, kind=st.sampled_from(FailureKind), reason=texts)
    | st.builds(Skipped, reason=texts)
)
attempts = st.builds(
    Attempt,
    number=st.integers(1, 9),
    started_at=moments,
    ended_at=moments,
    outcome=outcomes,
    job_id=texts,
    changes=st.lists(st.builds(StateChange, state=texts, at=moments), max_size=3).map(tuple),
    files=st.lists(texts, max_size=2).map(tuple),
    notes=st.lists(texts, max_size=2).map(tuple),
)
cells = st.builds(Cell, model=texts, device=texts, variant=texts)


@st.composite
def jobs(draw: st.DrawFn) -> JobResult:
    tried = draw(st.lists(attempts, max_size=2).map(tuple))
    outcome = tried[-1].outcome if tried and draw(st.booleans()) else draw(outcomes)
    key = JobKey(cell=draw(cells), repeat=draw(st.integers(1, 5)))
    return JobResult(key=key, outcome=outcome, attempts=tried, hub_run_id=draw(texts))


gates = st.builds(
    GateResult,
    cell=cells,
    metric=texts,
    rule=texts,
    verdict=st.sampled_from(["pass", "warn", "fail", "inconclusive"]),
    reason=texts,
    value=st.none() | finite,
    baseline=st.none() | finite,
    change=st.none() | finite,
)
runs = st.builds(
    Run,
    id=texts,
    plan=texts,
    project=texts,
    cloud=texts,
    started_at=moments,
    plan_sha256=texts,
    tool_version=texts,
    state=st.sampled_from(RunState),
    ended_at=st.none() | moments,
    exit_code=st.none() | st.integers(0, 255),
)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    found = draw(st.lists(jobs(), max_size=4).map(tuple))
    return Report(
        run=draw(runs),
        command=draw(texts),
        plan_text=draw(texts),
        models=(),
        devices=(),
        cells=tuple(report_cell(job.key.cell, [job]) for job in found),
        jobs=found,
        gates=draw(st.lists(gates, max_size=2).map(tuple)),
        notices=draw(st.lists(texts, max_size=2).map(tuple)),
    )


@settings(max_examples=150)
@given(reports())
def test_what_was_written_is_read_back(report: Report) -> None:
    assert from_json(json.loads(dump_report(report))) == report


def test_the_file_in_pieces_is_the_whole_file(make_report) -> None:
    report = make_report(2, 3, failing=0.4, gates=True)
    for told in (report, replace(report, jobs=()), replace(report, jobs=report.jobs[:1], cells=report.cells[:1])):
        whole = json.dumps(to_json(told), ensure_ascii=False, separators=(",", ":")) + "\n"
        assert dump_report(told) == whole


@pytest.mark.parametrize("hostile", [False, True])
def test_a_realistic_report_survives_the_file(make_report, tmp_path: Path, hostile: bool) -> None:
    report = make_report(3, 5, variants=("cpu", "gpu"), hostile=hostile, gates=True)
    path = tmp_path / "results.json"
    path.write_bytes(dump_report(report).encode("utf-8", "replace"))
    again = load_report(path)
    if not hostile:  # a lone surrogate, which no file can hold, comes back as "?"
        assert again == report
    assert to_json(again)["run"] == to_json(report)["run"]
    assert len(again.jobs) == len(report.jobs)


def test_the_file_has_the_documented_fields(make_report) -> None:
    data = to_json(make_report(2, 4, failing=0.4, gates=True))
    assert data["schema_version"] == 1
    assert {"run", "jobs", "cells", "gates"} <= set(data)
    assert set(data["run"]) >= {
        "id", "plan", "project", "cloud", "state", "exit_code", "started_at", "ended_at", "plan_sha256", "tool_version",
    }  # fmt: skip
    measured = next(job for job in data["jobs"] if job["outcome"] == "measured")
    failed = next(job for job in data["jobs"] if job["outcome"] == "failed")
    assert set(measured) >= {
        "model", "device", "variant", "repeat", "outcome", "failure", "job_id", "hub_run_id", "metrics", "layers",
        "attempts",
    }  # fmt: skip
    assert measured["failure"] is None
    assert isinstance(measured["metrics"]["latency_ms"], float)
    assert set(failed["failure"]) == {"kind", "reason"}
    assert failed["metrics"] == {}
    assert set(measured["attempts"][0]) >= {"job_id", "outcome", "failure", "started_at", "ended_at"}
    cell = next(cell for cell in data["cells"] if cell["measured"])
    assert set(cell) >= {"model", "device", "variant", "measured", "planned", "trust", "metrics"}
    assert set(cell["metrics"]["latency_ms"]) == {"value", "unit", "n", "low", "high"}
    assert set(data["gates"][0]) >= {
        "metric", "model", "device", "variant", "rule", "verdict", "value", "baseline", "change", "low", "high",
        "sensitivity", "reason",
    }  # fmt: skip


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_left_out(make_report, value: float) -> None:
    report = make_report(1, 1, repeats=1, failing=0, gates=True)
    job = report.jobs[0]
    measurement = job.outcome.measurement
    broken = replace(
        measurement,
        metrics={**measurement.metrics, "latency_ms": Metric(value=value, unit="ms")},
        layers=(replace(measurement.layers[0], time_us=value), *measurement.layers[1:]),
    )
    job = replace(job, outcome=Measured(measurement=broken))
    report = replace(
        report,
        jobs=(job,),
        cells=(report_cell(job.key.cell, [job]),),
        gates=(replace(report.gates[0], value=value),),
    )
    text = dump_report(report)
    data = json.loads(text, parse_constant=pytest.fail)
    assert "latency_ms" not in data["jobs"][0]["metrics"]
    assert "latency_ms" not in data["cells"][0]["metrics"]
    assert len(data["jobs"][0]["layers"]) == len(measurement.layers) - 1
    assert data["gates"][0]["value"] is None
    from_json(data)


def test_fields_of_a_later_version_are_ignored(make_report) -> None:
    report = make_report(1, 2)
    data = to_json(report)
    data["later"] = 1
    data["jobs"][0]["later"] = {"a": []}
    data["jobs"][0]["layers"][0]["later"] = True
    data["run"]["later"] = None
    assert from_json(data) == report


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[1, 2]", "no schema_version"),
        (b"{}", "no schema_version"),
        (b'{"schema_version": 99}', "schema_version 99"),
        (b'{"schema_version": "' + b"9" * 500 + b'"}', "this program reads 1"),
        (b'{"schema_version": 1}', "broken at run"),
        (b'{"schema_version": NaN}', "NaN"),
        (b"[" * 200_000, "is not JSON"),
    ],
)
def test_a_broken_or_foreign_file_is_a_usage_error(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said) as caught:
        load_report(path)
    assert "results.json" in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("jobs", 0, "repeat"), "many"),
        (("jobs", 0, "attempts", 0, "started_at"), "yesterday"),
        (("jobs", 0, "metrics"), [1]),
        (("cells", 0, "trust"), "perhaps"),
        (("cells", 0, "metrics", "latency_ms", "value"), math.inf),
        (("devices", 0, "platform"), "TOASTER"),
        (("models",), {"a": 1}),
        (("run", "started_at"), None),
    ],
)
def test_the_broken_place_is_named(make_report, place: tuple, value: object) -> None:
    data = to_json(make_report(1, 1, failing=0))
    inner = data
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value
    with pytest.raises(UsageError, match="broken at " + r"\.".join(str(part) for part in place)):
        from_json(data)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_report(tmp_path / "none.json")
