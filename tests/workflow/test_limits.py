"""Quotas, deadlines, stuck devices and hostile clouds: every run ends, and says why."""

import asyncio
import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.domain.device import DeviceSelector
from orchestrator.domain.event import JobMoved
from orchestrator.domain.journal import JobState
from orchestrator.domain.outcome import Failed, FailureKind
from orchestrator.domain.plan import Limits
from orchestrator.domain.run import RunState
from orchestrator.errors import Interrupted, KeyRefused
from orchestrator.presentation.console import print_report
from orchestrator.presentation.write import write_reports
from orchestrator.workflow.pace import Pace

ONE = (DeviceSelector(name="host-cpu-1t"),)
JOBS = "/api/device-cloud/jobs"
QUICK = Limits(poll_interval_s=0.05, queue_timeout_s=1.0, run_timeout_s=1.0, retries=0, reconcile_s=1.0)


def refusal(status: int, code: str) -> Callable[..., httpx.Response]:
    body = json.dumps({"message": "no", "errors": [{"code": code, "detail": "too many"}]}).encode()
    return lambda request: httpx.Response(
        status, content=body, headers={"content-type": "application/json"}, request=request
    )


def with_status(status: str) -> Callable[..., httpx.Response]:
    body = json.dumps({"data": {"id": "x", "status": status}}).encode()
    return lambda request, answer=None: httpx.Response(
        200, content=body, headers={"content-type": "application/json"}, request=request
    )


def test_a_full_job_quota_is_waited_for(world: Any, hub: Any, make_fault: Any) -> None:
    world.faults = [make_fault(method="POST", path=JOBS, before=refusal(429, "job_quota_exceeded"), times=3)]
    report = world.run()
    assert report.run.exit_code == 0
    assert len(hub.jobs()) == 4
    waits = [event for event in world.events if isinstance(event, JobMoved) and "quota" in event.detail]
    assert len(waits) == 3


def test_a_job_quota_that_stays_full_ends_the_wait_with_its_reason(world: Any, hub: Any, make_fault: Any) -> None:
    world.faults = [make_fault(method="POST", path=JOBS, before=refusal(403, "job_quota_exceeded"), times=10_000)]
    report = world.run(limits=QUICK, devices=ONE, repeats=1)
    assert [(job.failed.kind, len(job.attempts)) for job in report.jobs] == [(FailureKind.QUOTA, 1)]
    assert "quota stayed used up" in report.jobs[0].failed.reason
    assert report.run.exit_code == 4
    assert not hub.jobs()


def test_a_storage_quota_is_no_reason_to_wait(world: Any, make_fault: Any) -> None:
    world.faults = [
        make_fault(
            method="POST", path="/api/device-cloud/uploads", before=refusal(403, "storage_quota_exceeded"), times=99
        )
    ]
    report = world.run(devices=ONE, repeats=1)
    assert [(job.failed.kind, len(job.attempts)) for job in report.jobs] == [(FailureKind.QUOTA, 1)]
    assert report.run.exit_code == 4


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        ("PENDING_DEVICE", FailureKind.QUEUE_TIMEOUT, "still waiting (PENDING_DEVICE) after 1 s"),
        ("RUNNING", FailureKind.RUN_TIMEOUT, "stuck in RUNNING for 1 s"),
        ("A_STATUS_OF_TOMORROW", FailureKind.RUN_TIMEOUT, "stuck in A_STATUS_OF_TOMORROW for 1 s"),
    ],
)
def test_a_job_that_stops_changing_is_given_up_with_its_last_state(
    world: Any, make_fault: Any, status: str, kind: FailureKind, words: str
) -> None:
    downloads = "/api/device-cloud/downloads/[^/]+"
    never = json.dumps({"data": {"id": "x", "url": "http://127.0.0.1:1/x", "status": "PENDING"}}).encode()
    world.faults = [
        make_fault(method="GET", path=f"{JOBS}/[^/]+", before=with_status(status), times=10_000),
        make_fault(
            method="GET",
            path=downloads,
            before=lambda request: httpx.Response(200, content=never, request=request),
            times=10_000,
        ),
    ]
    report = world.run(limits=QUICK, devices=ONE, repeats=1)
    (job,) = report.jobs
    assert (job.failed.kind, job.failed.reason) == (kind, words)
    assert report.run.exit_code == 11
    assert status in [change.state for change in job.attempts[0].changes]


def test_results_count_as_soon_as_they_are_there_whatever_the_job_says(world: Any, make_fault: Any) -> None:
    world.faults = [make_fault(method="GET", path=f"{JOBS}/[^/]+", before=with_status("STOPPING"), times=10_000)]
    assert world.run(devices=ONE).run.exit_code == 0


def test_a_refused_key_ends_the_run_at_once_and_it_can_be_resumed(world: Any, hub: Any, make_fault: Any) -> None:
    refused = make_fault(
        method="POST", path=JOBS, before=lambda request: httpx.Response(401, request=request), skip=1, times=99
    )
    world.faults = [refused]
    entry = world.begin()
    with pytest.raises(KeyRefused):
        world.carry_on(entry)
    world.faults = []
    report = world.carry_on(entry)
    assert (report.run.state, report.run.exit_code) == (RunState.COMPLETED, 0)
    assert len(hub.jobs()) == 4


def test_a_stop_submits_nothing_new_and_leaves_running_jobs_running(world: Any, hub: Any) -> None:
    entry, pace = world.begin(), Pace()

    def stop_at_first(event: Any) -> None:
        if isinstance(event, JobMoved) and event.state == "submitted":
            pace.stop.set()

    world.events = _Calling(stop_at_first)
    began = time.monotonic()
    with pytest.raises(Interrupted):
        world.carry_on(entry, pace)
    assert time.monotonic() - began < 20
    before = len(hub.jobs())
    assert 1 <= before <= 4
    world.events = []
    report = world.carry_on(entry)
    assert report.run.exit_code == 0
    assert len(hub.jobs()) == 4


def test_a_stop_waits_for_the_answer_to_what_is_being_submitted(world: Any, hub: Any, make_fault: Any) -> None:
    """Else each such job would be looked for, for as long as a lost answer is, when the run goes on."""
    entry, pace = world.begin(), Pace()

    def stop(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        pace.stop.set()
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers, request=request)

    world.faults = [make_fault(method="POST", path=JOBS, after=stop, skip=1)]
    with pytest.raises(Interrupted):
        world.carry_on(entry, pace)
    jobs = world.journalled(entry)
    assert JobState.SUBMITTING not in {job.state for job in jobs}
    assert sum(bool(job.job_id) for job in jobs) == len(hub.jobs()) >= 2
    assert world.carry_on(entry).run.exit_code == 0
    assert len(hub.jobs()) == 4


class _Calling(list[Any]):
    """A list that calls with what is appended."""

    def __init__(self, call: Callable[[Any], None]) -> None:
        super().__init__()
        self._call = call

    def append(self, item: Any) -> None:
        self._call(item)


def zipped(*names: str, content: bytes = b"x") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


HOSTILE_ARCHIVES = {
    "a traversal": zipped("../../../onnxruntime-result.json"),
    "an absolute path": zipped("/tmp/onnxruntime-result.json"),
    "a bomb": zipped("onnxruntime-result.json", content=b"\0" * (600 << 20)),
    "a thousand files": zipped(*(f"{n}.txt" for n in range(1000))),
    "no archive": b"<html>not found</html>",
    "nothing": b"",
}


@pytest.mark.parametrize("name", HOSTILE_ARCHIVES)
def test_a_hostile_archive_is_unreadable_and_leaves_nothing_outside(world: Any, name: str) -> None:
    world.devices.answer = lambda number, order: HOSTILE_ARCHIVES[name]
    before = set(world.folder.parent.rglob("onnxruntime-result.json"))
    report = world.run(limits=QUICK, devices=ONE, repeats=1)
    (job,) = report.jobs
    assert isinstance(job.outcome, Failed)
    assert job.outcome.kind is FailureKind.RESULTS_UNREADABLE
    assert job.outcome.reason
    assert set(world.folder.parent.rglob("onnxruntime-result.json")) == before
    assert sum(path.stat().st_size for path in (world.folder / "reports").rglob("*") if path.is_file()) < 10 << 20


def test_another_models_results_are_refused(world: Any, result_bytes: Any) -> None:
    other = result_bytes(inputs=[{"name": "somebody_elses", "dtype": "float32", "shape": [1, 3]}])
    world.devices.answer = lambda number, order: {"onnxruntime-result.json": other}
    report = world.run(limits=QUICK, devices=ONE, repeats=1)
    assert report.jobs[0].failed.kind is FailureKind.RESULTS_UNREADABLE
    assert "another model's results" in report.jobs[0].failed.reason


HOSTILE_NAME = "=cmd|'x'!A1 <img src=x onerror=alert(1)> \x1b[2J ../../etc/passwd `|` @here \u202e"


def test_a_clouds_hostile_names_break_no_output_and_no_path(world: Any, make_fault: Any, tmp_path: Path) -> None:
    devices = json.dumps({"data": [{"name": HOSTILE_NAME, "platform": "ANDROID", "os": HOSTILE_NAME}]}).encode()
    answer = {"headers": {"content-type": "application/json"}}
    world.faults = [
        make_fault(
            method="GET",
            path="/api/device-cloud/devices",
            before=lambda request: httpx.Response(200, content=devices, request=request, **answer),
            times=99,
        ),
        make_fault(method="POST", path=JOBS, before=refusal(422, HOSTILE_NAME), times=99),
    ]
    entry = world.begin_on_faulty(devices=(DeviceSelector(),), repeats=1, limits=QUICK)
    report = world.carry_on(entry)
    assert report.jobs[0].failed.kind is FailureKind.MODEL_UNSUPPORTED
    for path in write_reports(report, entry.folder):
        text = path.read_text()
        assert "\x1b" not in text
        if path.suffix == ".html":
            assert "<img" not in text
    shown = io.StringIO()
    print_report(report, entry.folder, stream=shown)
    assert "\x1b" not in shown.getvalue()
    outside = {path for path in tmp_path.rglob("*") if "passwd" in path.name and entry.folder not in path.parents}
    assert not outside


def test_watching_costs_few_requests_and_fewer_once_it_is_known_how_long_jobs_take(world: Any) -> None:
    """A job behind another of ours is not looked at, one of known length not before it can be done."""
    world.devices.answer = lambda number, order: (time.sleep(2), world.good())[1]

    def looks() -> int:
        world.run(limits=Limits(poll_interval_s=0.1, per_device=2), devices=ONE)
        watched = re.compile("/api/device-cloud/(jobs|downloads)/")
        return sum(method == "GET" and bool(watched.match(path)) for method, path, _ in world.api.passed)

    first, second = looks(), looks()
    assert first < 60
    assert second < first
    begun = {job.attempts[0].begun_at for job in world.journalled(world.begun)}
    assert len(begun - {None}) == 2, "one after the other, whichever was submitted first"


def test_with_one_job_a_device_the_next_bundle_is_sent_meanwhile(world: Any) -> None:
    world.devices.answer = lambda number, order: (time.sleep(1), world.good())[1]
    world.run(limits=Limits(poll_interval_s=0.05, per_device=1), devices=ONE, repeats=3)
    states = [(event.key.repeat, event.state) for event in world.events if isinstance(event, JobMoved)]
    for repeat in (1, 2):
        assert states.index((repeat + 1, "uploaded")) < states.index((repeat, "concluded"))
        assert states.index((repeat, "concluded")) < states.index((repeat + 1, "submitted"))
    assert (3, "reserved") not in states[: states.index((1, "concluded"))]


def test_nobody_is_left_behind(world: Any) -> None:
    async def run_and_look() -> set[Any]:
        from orchestrator.history.journal import open_journal
        from orchestrator.workflow.benchmark import benchmark

        async with open_journal(world.database_url) as journal, world.open_cloud() as cloud:
            await benchmark(entry, cloud, journal, world.events.append, Pace())
            return asyncio.all_tasks() - {asyncio.current_task()}

    entry = world.begin(devices=ONE, repeats=1)
    assert not asyncio.run(run_and_look())
