"""Every kind of fault, on every call, at the first and at later times: the same results, each job submitted once.

`before` faults answer in the cloud's place, so that the request never arrives; `after` faults spoil or lose the
answer to a request that did.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from orchestrator.domain.device import DeviceSelector

CLOUD = "/api/device-cloud"
RUNS = "/api/projects/[^/]+/runs"
CALLS = {
    "list the devices": ("GET", f"{CLOUD}/devices"),
    "find the project": ("GET", "/api/projects"),
    "create the project": ("POST", "/api/projects"),
    "reserve a download": ("POST", f"{CLOUD}/downloads"),
    "create an upload": ("POST", f"{CLOUD}/uploads"),
    "send a bundle": ("PUT", "/bundles/[^/]+"),
    "submit": ("POST", f"{CLOUD}/jobs"),
    "look at a job": ("GET", f"{CLOUD}/jobs/[^/]+"),
    "look at a download": ("GET", f"{CLOUD}/downloads/[^/]+"),
    "fetch results": ("GET", "/results/[^/]+"),
    "create a run": ("POST", RUNS),
    "look at a run": ("GET", f"{RUNS}/[^/]+"),
    "tag a run": ("POST", f"{RUNS}/[^/]+/tags"),
    "complete a run": ("PATCH", f"{RUNS}/[^/]+"),
    "announce an artifact": ("POST", "/api/artifacts"),
    "ask where it goes": ("POST", "/api/artifacts/[^/]+/upload-url"),
    "send an artifact": ("PUT", "/artifacts/[^/]+"),
    "settle an artifact": ("PATCH", "/api/artifacts/[^/]+"),
}
HTML = b"<html><h1>502 Bad Gateway</h1></html>"


def raising(kind: type[httpx.TransportError]) -> Callable[..., httpx.Response]:
    def fail(request: httpx.Request, _answer: Any = None) -> httpx.Response:
        message = "injected"
        raise kind(message, request=request)

    return fail


def answering(status: int, content: bytes = b"", **headers: str) -> Callable[..., httpx.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request, _answer=None: httpx.Response(status, content=content, headers=named, request=request)


def in_a_moment(request: httpx.Request, _answer: Any = None) -> httpx.Response:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    return httpx.Response(429, headers={"retry-after": date}, request=request)


BEFORE = {
    "no connection": raising(httpx.ConnectError),
    "no connection in time": raising(httpx.ConnectTimeout),
    "429, seconds": answering(429, retry_after="3"),
    "429, a date": in_a_moment,
    "503 of a gateway": answering(503, HTML, content_type="text/html"),
    "500 and nothing": answering(500),
}
AFTER = {
    "the answer is lost": raising(httpx.ReadError),
    "the answer stalls": raising(httpx.ReadTimeout),
    "the connection is cut": raising(httpx.RemoteProtocolError),
    "502 of a gateway": answering(502, HTML, content_type="text/html"),
    "not JSON": answering(200, b"OK", content_type="application/json"),
    "no data": answering(200, b'{"message": "fine"}', content_type="application/json"),
    "another shape": answering(200, b'{"data": "fine"}', content_type="application/json"),
}
STORAGE_CALLS = {"send a bundle", "fetch results", "send an artifact"}
SHAPELESS = {"not JSON", "no data", "another shape"}  # answers that storage, or a PATCH ("anything"), may well give
LEAVES_SOMETHING = {"create a run", "announce an artifact"}  # whose lost answer leaves one that nobody knows of


def fitting(call: str, kind: str) -> bool:
    """Whether this answer would be wrong at all to this call."""
    return not (kind in SHAPELESS and (call in STORAGE_CALLS or call in ("complete a run", "settle an artifact")))


def check_books(world: Any, hub: Any, report: Any, jobs: int, *, orphans: bool = False) -> None:
    """The same results as without faults, in the report and in the cloud's own books."""
    assert report.run.exit_code == 0, [job.outcome for job in report.jobs]
    assert report.counts == {"planned": jobs, "measured": jobs, "failed": 0, "skipped": 0}
    assert len(hub.jobs()) == len(world.devices.orders) == jobs
    tagged = [run for run in hub.runs() if hub.tags(run["id"]).get("bench_run") == report.run.id]
    assert Counter(run["status"] for run in tagged) == {"FINISHED": jobs}
    assert {run["id"] for run in tagged} == {job.hub_run_id for job in report.jobs}
    for job in report.jobs:
        assert hub.metrics(job.hub_run_id)["latency_ms"] == 12.5
        assert "UPLOADED" in hub.artifacts(job.hub_run_id).values()
    if not orphans:
        assert len(hub.runs()) == jobs
        statuses = {status for run in tagged for status in hub.artifact_statuses(run["id"])}
        assert statuses <= {"UPLOADED", "FAILED"}
    assert not any(had_key for _, _, had_key in world.storage.passed)
    assert all(had_key for _, _, had_key in world.api.passed)


@pytest.mark.parametrize("kind", [*BEFORE, *AFTER])
def test_a_fault_on_every_call_at_once(world: Any, hub: Any, make_fault: Any, kind: str) -> None:
    """The first and the third of each kind of call go wrong, in one run."""
    side = "before" if kind in BEFORE else "after"
    fault = BEFORE.get(kind) or AFTER[kind]
    world.faults = [
        make_fault(method=method, path=path, skip=skip, **{side: fault})
        for call, (method, path) in CALLS.items()
        if fitting(call, kind)
        for skip in (0, 2)
    ]
    report = world.run()
    assert sum(fault.met > fault.skip for fault in world.faults) >= 12
    check_books(world, hub, report, 4, orphans=True)


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (call, kind)
        for call in ("submit", "create a run", "complete a run", "announce an artifact", "fetch results")
        for kind in (*BEFORE, *AFTER)
        if fitting(call, kind)
    ],
)
def test_a_fault_on_a_call_that_must_not_happen_twice(
    world: Any, hub: Any, make_fault: Any, call: str, kind: str
) -> None:
    side = "before" if kind in BEFORE else "after"
    method, path = CALLS[call]
    world.faults = [make_fault(method=method, path=path, **{side: BEFORE.get(kind) or AFTER[kind]})]
    report = world.run(repeats=1, devices=(DeviceSelector(name="host-cpu-1t"),))
    assert world.faults[0].met
    check_books(world, hub, report, 1, orphans=side == "after" and call in LEAVES_SOMETHING)


@pytest.mark.parametrize("seed", range(8))
def test_faults_at_random(world: Any, hub: Any, make_fault: Any, seed: int) -> None:
    dice = random.Random(seed)
    kinds = [(call, "before", kind) for call in CALLS for kind in BEFORE]
    kinds += [(call, "after", kind) for call in CALLS for kind in AFTER if fitting(call, kind)]
    world.faults = [
        make_fault(
            method=CALLS[call][0],
            path=CALLS[call][1],
            skip=dice.randrange(4),
            **{side: BEFORE.get(kind) or AFTER[kind]},
        )
        for call, side, kind in dice.sample(kinds, 12)
    ]
    check_books(world, hub, world.run(), 4, orphans=True)


def test_a_lost_job_that_never_was_is_submitted_again_and_the_report_says_so(
    world: Any, hub: Any, make_fault: Any
) -> None:
    method, path = CALLS["submit"]
    world.faults = [make_fault(method=method, path=path, before=raising(httpx.ReadError))]
    report = world.run(repeats=1, devices=(DeviceSelector(name="host-cpu-1t"),))
    check_books(world, hub, report, 1)
    notes = " ".join(report.jobs[0].attempts[0].notes)
    assert "the answer to the submission was lost" in notes
    assert "submitted again on the same upload" in notes


def test_a_lost_job_that_is_there_is_found_by_its_results(world: Any, hub: Any, make_fault: Any) -> None:
    method, path = CALLS["submit"]
    world.faults = [make_fault(method=method, path=path, after=raising(httpx.ReadTimeout))]
    report = world.run(repeats=1, devices=(DeviceSelector(name="host-cpu-1t"),))
    check_books(world, hub, report, 1)
    assert "found by its results" in report.jobs[0].attempts[0].notes


def test_a_lost_job_is_not_given_up_while_the_cloud_is_away(world: Any, hub: Any, make_fault: Any) -> None:
    """The job starts only when the cloud is back, long after the time that it is watched for."""
    method, path = CALLS["submit"]
    device_may_go_on = threading.Event()
    looks = []

    def away(request: httpx.Request) -> httpx.Response:
        looks.append(request)
        if len(looks) == 400:
            device_may_go_on.set()
        return raising(httpx.ConnectError)(request)

    def answer(_number: int, _order: Any) -> dict[str, bytes]:
        assert device_may_go_on.wait(timeout=30)
        return dict(world.good())

    world.devices.answer = answer
    world.faults = [
        make_fault(method=method, path=path, after=raising(httpx.ReadError)),
        make_fault(method="GET", path=CALLS["look at a download"][1], before=away, times=400),
    ]
    report = world.run(
        repeats=1, devices=(DeviceSelector(name="host-cpu-1t"),), limits=replace(world.plan.limits, reconcile_s=1.0)
    )
    check_books(world, hub, report, 1)
    assert "found by its results" in report.jobs[0].attempts[0].notes


@pytest.mark.parametrize("late_s", [0.0, 1.0])
def test_a_lost_job_is_not_given_up_while_others_of_ours_are_before_it(
    world: Any, hub: Any, make_fault: Any, late_s: float
) -> None:
    """Its answer is lost while the job before it on the device takes longer than the time that it is watched for.

    That job's own answer may come only after that.
    """
    method, path = CALLS["submit"]

    def answer(number: int, _order: Any) -> dict[str, bytes]:
        time.sleep(2.5 if number == 1 else 0.0)
        return dict(world.good())

    world.devices.answer = answer
    first = make_fault(method=method, path=path, late_s=late_s)
    world.faults = [first, make_fault(method=method, path=path, after=raising(httpx.ReadError))]
    limits = replace(world.plan.limits, reconcile_s=1.5, per_device=2)
    report = world.run(repeats=2, devices=(DeviceSelector(name="host-cpu-1t"),), limits=limits)
    check_books(world, hub, report, 2)
    assert "found by its results" in [note for job in report.jobs for note in job.attempts[0].notes]


def test_a_truncated_download_is_fetched_again(world: Any, hub: Any, make_fault: Any) -> None:
    def cut(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        half = answer.content[: len(answer.content) // 2]
        return httpx.Response(200, content=half, request=request)

    world.faults = [make_fault(method="GET", path=CALLS["fetch results"][1], after=cut, times=2)]
    report = world.run(repeats=1, devices=(DeviceSelector(name="host-cpu-1t"),))
    check_books(world, hub, report, 1)


def test_an_expired_signed_url_is_asked_for_again(world: Any, hub: Any, make_fault: Any) -> None:
    world.faults = [
        make_fault(method=method, path=path, before=answering(403, b"<Error>Expired</Error>"))
        for method, path in (CALLS["send a bundle"], CALLS["fetch results"], CALLS["send an artifact"])
    ]
    report = world.run(repeats=1, devices=(DeviceSelector(name="host-cpu-1t"),))
    assert all(fault.met for fault in world.faults)
    check_books(world, hub, report, 1)


def test_a_429_slows_everyone(world: Any, hub: Any, make_fault: Any) -> None:
    world.faults = [make_fault(method="POST", path=f"{CLOUD}/jobs", before=answering(429, retry_after="60"), times=3)]
    report = world.run()
    check_books(world, hub, report, 4)
    assert world.hurry.slept_s >= 180
