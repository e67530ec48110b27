"""Whole runs against a real local cloud on real sockets: every job measured, logged, and accounted for once."""

from typing import Any

import pytest

from orchestrator.domain.device import DeviceSelector
from orchestrator.domain.event import JobEnded, RunStarted
from orchestrator.domain.journal import JobState
from orchestrator.domain.outcome import Failed, FailureKind, Measured
from orchestrator.domain.plan import GateRule, Gating
from orchestrator.domain.run import RunState


def test_every_job_is_measured_once_on_both_kinds_of_device(world: Any) -> None:
    report = world.run()
    assert report.counts == {"planned": 4, "measured": 4, "failed": 0, "skipped": 0}
    assert report.run.exit_code == 0
    assert report.run.state is RunState.COMPLETED
    assert len(world.devices.orders) == 4
    assert {order.device_name for order in world.devices.orders} == {"host-cpu-1t", "host-cpu-1t-ios"}
    for cell in report.cells:
        assert cell.metric("latency_p50_ms").value == 12.5
        assert cell.measured == cell.planned == 2
        assert [layer.layer.type for layer in cell.layers] == ["Conv"]


def test_the_device_gets_the_models_own_bytes_and_the_plans_flags(world: Any) -> None:
    seen = []
    answer = world.devices.answer

    def look(number: int, order: Any) -> Any:
        seen.append((order.model_path.read_bytes(), order.params["num_threads"], order.params["enable_op_profiling"]))
        return answer(number, order)

    world.devices.answer = look
    world.run()
    assert set(seen) == {(world.models[0].path.read_bytes(), "1", "true")}


def test_raw_files_are_kept_and_bundles_are_not(world: Any) -> None:
    report = world.run()
    folder = world.folder / "reports" / report.run.id
    for job in report.jobs:
        names = {path.rsplit("/")[-1] for path in job.attempts[-1].files}
        assert {"results.zip", "onnxruntime-result.json", "onnxruntime-profile.json"} <= names
        assert all((folder / path).is_file() for path in job.attempts[-1].files)
    assert not list(folder.rglob("bundle.zip"))


def test_the_hub_holds_a_finished_run_for_each_job(world: Any, hub: Any) -> None:
    report = world.run()
    assert len({job.hub_run_id for job in report.jobs}) == 4
    for job in report.jobs:
        run = hub.run(job.hub_run_id)
        assert (run["type"], run["status"]) == ("PROFILE", "FINISHED")
        tags = hub.tags(job.hub_run_id)
        assert tags == {
            "team": "vision",
            "bench_run": report.run.id,
            "plan": "p",
            "model": "m",
            "model_sha256": "1" * 64,
            "device": job.key.cell.device,
            "variant": "default",
            "repeat": str(job.key.repeat),
            "role": "candidate",
        }
        metrics, params = hub.metrics(job.hub_run_id), hub.params(job.hub_run_id)
        assert metrics["$latency"] == metrics["latency_ms"] == 12.5
        assert params["$device"] == job.key.cell.device
        assert params["num_threads"] == "1"
        assert hub.artifacts(job.hub_run_id) == dict.fromkeys(world.good(), "UPLOADED")


def test_the_timeline_has_every_change_with_its_time(world: Any) -> None:
    report = world.run()
    for job in report.jobs:
        changes = job.attempts[-1].changes
        states = [change.state for change in changes]
        ours = ["reserved", "upload_created", "uploaded", "submitting", "submitted"]
        assert states[: len(ours)] == ours
        assert [change.at for change in changes] == sorted(change.at for change in changes)


def test_the_listener_hears_of_every_job(world: Any) -> None:
    world.run()
    started = [event for event in world.events if isinstance(event, RunStarted)]
    ended = [event.result.key for event in world.events if isinstance(event, JobEnded)]
    assert len(started) == 1
    assert len(ended) == len(set(ended)) == 4


@pytest.mark.parametrize(
    ("answer", "kind", "executions"),
    [
        (RuntimeError("the device fell off the table"), FailureKind.RESULTS_MISSING, 4),
        ({"readme.txt": b"nothing of use"}, FailureKind.RESULTS_MISSING, 4),
        (b"PK\x03\x04 half a zip", FailureKind.RESULTS_UNREADABLE, 4),
        ({"onnxruntime-result.json": b"{"}, FailureKind.RESULTS_UNREADABLE, 4),
        ("nan", FailureKind.RESULTS_UNREADABLE, 4),
        ("model_crash", FailureKind.MODEL_CRASH, 2),
        ("model_unsupported", FailureKind.MODEL_UNSUPPORTED, 2),
        ("out_of_memory", FailureKind.OUT_OF_MEMORY, 2),
        ("run_timeout", FailureKind.RUN_TIMEOUT, 4),
    ],
)
def test_each_way_to_fail_has_its_kind_and_its_retries(
    world: Any, error_result: Any, answer: Any, kind: FailureKind, executions: int
) -> None:
    leaves = error_result(answer) if isinstance(answer, str) else answer
    world.devices.answer = lambda number, order: leaves
    report = world.run(devices=(DeviceSelector(name="host-cpu-1t"),))
    assert len(world.devices.orders) == executions
    for job in report.jobs:
        assert isinstance(job.outcome, Failed)
        assert job.outcome.kind is kind
        assert job.outcome.reason
        assert len(job.attempts) == executions // 2
    assert report.run.exit_code == 11
    assert report.counts["planned"] == report.counts["failed"] == 2


def test_what_failed_once_is_tried_again_and_both_attempts_are_kept(world: Any, hub: Any) -> None:
    good = world.devices.answer
    world.devices.answer = lambda number, order: RuntimeError("flaky") if number == 1 else good(number, order)
    report = world.run(devices=(DeviceSelector(name="host-cpu-1t"),))
    assert report.run.exit_code == 0
    first = next(job for job in report.jobs if len(job.attempts) == 2)
    assert isinstance(first.attempts[0].outcome, Failed)
    assert isinstance(first.attempts[1].outcome, Measured)
    assert first.attempts[0].job_id != first.attempts[1].job_id
    assert report.counts["measured"] == 2
    assert hub.run(first.hub_run_id)["status"] == "FINISHED"


def test_a_failed_job_is_failed_on_the_hub_with_its_reason(world: Any, hub: Any, error_result: Any) -> None:
    world.devices.answer = lambda number, order: error_result("model_crash")
    report = world.run(devices=(DeviceSelector(name="host-cpu-1t"),))
    for job in report.jobs:
        assert hub.run(job.hub_run_id)["status"] == "FAILED"
        assert hub.params(job.hub_run_id)["failure_kind"] == "model_crash"


@pytest.mark.parametrize(
    ("rule", "repeats", "verdict", "cause", "code"),
    [
        (GateRule(metric="latency_p50_ms", max=100.0), 3, "pass", "", 0),
        (GateRule(metric="latency_p50_ms", max=10.0), 3, "fail", "", 10),
        (GateRule(metric="latency_p50_ms", max=10.0, level="warn"), 3, "warn", "", 0),
        (GateRule(metric="latency_p50_ms", max=100.0), 2, "inconclusive", "too_few_jobs", 12),
        (GateRule(metric="latency_p90_ms", max=100.0), 3, "inconclusive", "too_few_iterations", 12),
        (GateRule(metric="peak_memory_mb", max=100.0), 3, "inconclusive", "missing", 12),
        (GateRule(metric="model_size_mb", max=1.0), 2, "pass", "", 0),
        (GateRule(require={"cpu": 0.95}), 2, "pass", "", 0),
        (GateRule(require={"npu": 0.95}), 2, "fail", "", 10),
        (GateRule(metric="latency_p50_ms", max_regression=0.05), 3, "warn", "no_baseline", 0),
    ],
)
def test_gates_are_judged(world: Any, rule: GateRule, repeats: int, verdict: str, cause: str, code: int) -> None:
    gating = Gating(max_sessions=1)
    report = world.run(gates=(rule,), gating=gating, repeats=repeats, devices=(DeviceSelector(name="host-cpu-1t"),))
    (gate,) = report.gates
    assert (gate.verdict, gate.cause) == (verdict, cause), gate.reason
    assert report.run.exit_code == code


def test_missing_results_fail_closed(world: Any, error_result: Any) -> None:
    good = world.devices.answer
    world.devices.answer = lambda number, order: error_result("model_crash") if number == 1 else good(number, order)
    rule = GateRule(metric="latency_p50_ms", max=100.0)
    report = world.run(gates=(rule,), repeats=4, devices=(DeviceSelector(name="host-cpu-1t"),))
    (gate,) = report.gates
    assert (gate.verdict, gate.cause) == ("inconclusive", "missing")
    assert "model_crash" in gate.reason
    assert report.run.exit_code == 11


def test_the_journal_says_done(world: Any) -> None:
    entry = world.begin()
    world.carry_on(entry)
    assert {job.state for job in world.journalled(entry)} == {JobState.DONE}
