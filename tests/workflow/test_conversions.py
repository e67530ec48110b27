"""Runs with a converted model: what devices get, what the hub is told, and that no two kinds of file are compared."""

import asyncio
import random
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.domain.compare import compare
from orchestrator.domain.comparison import Standing
from orchestrator.domain.conversion import ConvertedModel, Converter, Difference, OutputDifference
from orchestrator.domain.device import DeviceSelector
from orchestrator.domain.journal import CompileEntry, JobState, RunEntry
from orchestrator.domain.model import Model, ModelFormat
from orchestrator.domain.plan import BaselinePolicy, GateRule
from orchestrator.domain.run import RunState
from orchestrator.history.journal import open_journal
from orchestrator.inputs.model_file import model_sha256
from orchestrator.presentation.json_report import from_json, to_json

RECORDED = Path(__file__).parents[1] / "conversion" / "recorded" / "small.tflite"
ONE_JOB = {"repeats": 1, "devices": (DeviceSelector(name="host-cpu-1t"),)}
RUNS = r"/api/projects/[^/]+/runs"
LINEAGE = {"message": "the parent is of another kind", "errors": [{"code": "invalid_run_lineage"}]}
Dying = Callable[[Any, RunEntry, int, str], int]


def refuse(body: dict[str, Any]) -> Callable[[httpx.Request], httpx.Response]:
    """A 422 with that body."""
    return lambda request: httpx.Response(422, json=body, request=request)


def convert(world: Any, **change: Any) -> ConvertedModel:
    """Has the world's model converted for its Android device."""
    (source,) = world.models
    sha256 = model_sha256(RECORDED)
    model = Model(
        name=source.name,
        path=RECORDED,
        format=ModelFormat.TFLITE,
        sha256=sha256,
        size_bytes=RECORDED.stat().st_size,
        inputs=source.inputs,
        outputs=source.outputs,
        operators={},
    )
    output = OutputDifference(name="y", absolute=2e-6, relative=1e-6, cosine=0.9999999)
    fields = {
        "name": source.name,
        "devices": ("host-cpu-1t",),
        "converter": Converter(tool="onnx2tf", version="2.6.9", options=("-v", "error")),
        "source_sha256": source.sha256,
        "source_size_bytes": source.size_bytes,
        "model": model,
        "seconds": 1.5,
        "made_at": datetime(2026, 1, 2, tzinfo=UTC),
        "difference": Difference(outputs=(output,)),
        **change,
    }
    converted = ConvertedModel(**fields)
    world.converted = (converted,)
    return converted


def of_kind(hub: Any, kind: str) -> list[dict[str, Any]]:
    """The hub's runs of that type."""
    return [run for run in hub.runs() if run["type"] == kind]


def test_a_device_gets_what_it_takes_and_the_hub_is_told_of_the_conversion(world: Any, hub: Any) -> None:
    converted = convert(world)
    report = world.run(repeats=2)
    assert report.run.exit_code == 0
    assert {(order.device_name, order.model_path.name) for order in world.devices.orders} == {
        ("host-cpu-1t", "model.tflite"),
        ("host-cpu-1t-ios", "model.onnx"),
    }
    (compiled,) = of_kind(hub, "COMPILE")
    assert compiled["status"] == "FINISHED"
    assert hub.params(compiled["id"]) == {
        "tool": "onnx2tf",
        "version": "2.6.9",
        "options": "-v error",
        "converted_at": "2026-01-02T00:00:00+00:00",
    }
    assert hub.metrics(compiled["id"]) == {
        "source_size_mb": converted.source_size_bytes / 1e6,
        "converted_size_mb": RECORDED.stat().st_size / 1e6,
        "conversion_s": 1.5,
        "difference_max_absolute": 2e-6,
        "difference_max_relative": 1e-6,
        "difference_cosine": 0.9999999,
    }
    assert hub.artifacts(compiled["id"]) == {f"{converted.name}.tflite": "UPLOADED"}
    assert hub.tags(compiled["id"])["bench_run"] == report.run.id
    parents = {run["id"]: run["parent_run_id"] for run in of_kind(hub, "PROFILE")}
    for job in report.jobs:
        is_converted = job.key.cell.device == "host-cpu-1t"
        assert parents[job.hub_run_id] == (compiled["id"] if is_converted else None)
        assert hub.tags(job.hub_run_id).get("converted_by") == ("onnx2tf 2.6.9" if is_converted else None)
        assert job.model_sha256 == (converted.model.sha256 if is_converted else converted.source_sha256)
        assert job.file.converted_by == ("onnx2tf 2.6.9" if is_converted else "")
        assert job.orphaned == ""
    files = {cell.cell.device: str(cell.file) for cell in report.cells}
    assert files == {"host-cpu-1t": "tflite, converted by onnx2tf 2.6.9", "host-cpu-1t-ios": "onnx, original"}
    assert [found.hub_run_id for found in report.conversions] == [compiled["id"]]
    read = from_json(to_json(report))
    told = [[(job.file, job.parent_run_id, job.orphaned) for job in of.jobs] for of in (read, report)]
    assert told[0] == told[1]
    assert [cell.file for cell in read.cells] == [cell.file for cell in report.cells]
    assert read.conversions == tuple(
        replace(found, model=found.model and replace(found.model, path=Path(RECORDED.name)))
        for found in report.conversions
    )


def test_a_hub_that_refuses_the_parent_gets_the_run_without_it(world: Any, hub: Any, make_fault: Any) -> None:
    convert(world)
    world.faults.append(make_fault("POST", RUNS, before=refuse(LINEAGE), skip=1))
    report = world.run(**ONE_JOB)
    assert report.run.exit_code == 0
    (profile,) = of_kind(hub, "PROFILE")
    assert profile["parent_run_id"] is None
    assert hub.tags(profile["id"])["compile_run"] == of_kind(hub, "COMPILE")[0]["id"]
    (job,) = report.jobs
    assert "the parent is of another kind" in job.orphaned
    assert any("without its COMPILE run as its parent" in getattr(event, "text", "") for event in world.events)


def test_a_hub_that_takes_no_compile_run_still_gets_the_profiles(world: Any, hub: Any, make_fault: Any) -> None:
    convert(world)
    world.faults.append(make_fault("POST", RUNS, before=refuse({"message": "COMPILE is for subscribers"})))
    report = world.run(**ONE_JOB)
    assert report.run.exit_code == 0
    assert of_kind(hub, "COMPILE") == []
    assert [run["status"] for run in of_kind(hub, "PROFILE")] == ["FINISHED"]
    assert "COMPILE is for subscribers" in report.conversions[0].refused
    assert "COMPILE is for subscribers" in report.jobs[0].orphaned


@pytest.mark.parametrize("has_file", [True, False])
def test_what_is_not_fit_is_not_measured_and_the_hub_is_told_why(world: Any, hub: Any, has_file: bool) -> None:
    why = "not measured: it differs"
    convert(world, failure=why, **({} if has_file else {"model": None, "difference": None, "made_at": None}))
    report = world.run(repeats=2)
    assert report.run.exit_code == 11
    assert {order.device_name for order in world.devices.orders} == {"host-cpu-1t-ios"}
    failed = [job.failed for job in report.jobs if job.failed]
    assert [(found.kind, found.reason) for found in failed] == [("conversion", why)] * 2
    (compiled,) = of_kind(hub, "COMPILE")
    assert compiled["status"] == "FAILED"
    assert hub.params(compiled["id"])["failure_reason"] == why
    assert len(hub.artifacts(compiled["id"])) == has_file
    assert len(of_kind(hub, "PROFILE")) == 2


def test_a_hub_that_is_away_leaves_the_run_to_be_resumed(world: Any, hub: Any, make_fault: Any) -> None:
    convert(world, failure="not measured")

    def gone(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, request=request)

    world.faults.append(make_fault("POST", RUNS, before=gone, times=1000))
    report = world.run(**ONE_JOB)
    assert (report.run.state, report.run.exit_code) == (RunState.INTERRUPTED, 4)
    world.faults.clear()
    again = world.carry_on(world.begun)
    assert (again.run.state, again.run.exit_code) == (RunState.COMPLETED, 11)
    assert [run["status"] for run in of_kind(hub, "COMPILE")] == ["FAILED"]


def compile_entry(world: Any, entry: RunEntry) -> CompileEntry:
    """How far the conversion is logged, as the journal has it."""

    async def read() -> CompileEntry:
        async with open_journal(world.database_url) as journal:
            (found,) = (await journal.compiles.of_run(entry.run.id)).values()
            return found

    return asyncio.run(read())


def test_killed_at_every_write_there_is_one_compile_run_in_the_end(world: Any, hub: Any, dying: Dying) -> None:
    """Nothing is left to do but to log it. Each process is killed at the effect of its second write."""
    convert(world, failure="not measured: it differs")
    entry = world.begin(**ONE_JOB)
    seen, at = [JobState.CONCLUDED], 2
    while dying(world, entry, at, "before") == -signal.SIGKILL:
        seen.append(compile_entry(world, entry).state)
        at = at + 1 if seen[-1] is seen[-2] else 2
        assert len(seen) < 30
    assert {JobState.LOGGING, JobState.LOGGED, JobState.TAGGED} <= set(seen)
    report = world.carry_on(entry)
    assert report.run.state is RunState.COMPLETED
    (compiled,) = [run for run in of_kind(hub, "COMPILE") if hub.tags(run["id"])]
    assert compiled["status"] == "FAILED"
    assert hub.metrics(compiled["id"])["conversion_s"] == 1.5
    assert list(hub.artifacts(compiled["id"]).values()).count("UPLOADED") >= 1
    assert report.conversions[0].hub_run_id == compiled["id"]


def test_killed_at_random_writes_the_profile_has_its_parent(world: Any, hub: Any, dying: Dying) -> None:
    convert(world)
    entry, dice = world.begin(**ONE_JOB), random.Random(1)
    for _ in range(3):
        assert dying(world, entry, dice.randint(3, 6), dice.choice(["before", "after"])) == -signal.SIGKILL
    report = world.carry_on(entry)
    assert report.run.exit_code == 0
    (compiled,) = [run for run in of_kind(hub, "COMPILE") if hub.tags(run["id"])]
    (profile,) = [run for run in of_kind(hub, "PROFILE") if hub.tags(run["id"])]
    assert (compiled["status"], profile["status"]) == ("FINISHED", "FINISHED")
    assert profile["parent_run_id"] == compiled["id"]


def test_the_original_and_what_it_was_converted_to_are_not_compared(world: Any) -> None:
    rules = {"gates": (GateRule(metric="latency_ms", max_regression=0.05),), "baseline": BaselinePolicy(min=2)}
    before = [world.run(**ONE_JOB, **rules) for _ in range(2)][-1]
    convert(world)
    now = world.run(**ONE_JOB, **rules)
    (gate,) = now.gates
    assert gate.verdict == "inconclusive"
    assert "file: original -> tflite, converted by onnx2tf 2.6.9" in gate.reason
    compared = compare(now, before)
    assert [cell.standing for cell in compared.cells] == [Standing.UNLIKE]
    assert compared.cells[0].changes == {}
    (model,) = {cell.cell.model for cell in now.cells}
    expected = f"model {model}: tflite, converted by onnx2tf 2.6.9 now, onnx, original in the baseline"
    assert expected in compared.differences
    newer = replace(world.converted[0], converter=Converter(tool="onnx2tf", version="2.7.0"))
    world.converted = (newer,)
    after = world.run(**ONE_JOB, **rules)
    assert "2.6.9 -> tflite, converted by onnx2tf 2.7.0" in after.gates[0].reason or after.gates[0].cause
    assert any("onnx2tf 2.7.0 now" in words for words in compare(after, now).differences)
