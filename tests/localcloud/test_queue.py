"""The queue: one device at a time, each device in order, and every job comes to an end."""

from dataclasses import replace
from typing import Any

import pytest


def test_one_lease_for_the_whole_host(cloud: Any, executor: Any) -> None:
    executor.may_go.clear()
    (a1, _), (a2, _), (b1, _) = cloud.submit("one"), cloud.submit("one"), cloud.submit("two")
    cloud.wait(a1, "RUNNING")
    assert [cloud.job(job)["status"] for job in (a2, b1)] == ["PENDING", "PENDING_DEVICE"]
    executor.may_go.set()
    for job in (a1, a2, b1):
        assert cloud.wait(job)["result"] == "PASSED"
    assert executor.most_running == 1
    assert [order.device_name for order in executor.orders] == ["one", "one", "two"]


def test_devices_of_other_lanes_measure_at_the_same_time(
    config: Any, executor: Any, serve_cloud: Any, until: Any
) -> None:
    executor.may_go.clear()
    lanes = {"one": "host", "one-ios": "host", "two": "two"}
    with serve_cloud(replace(config, lane=lanes.__getitem__)) as cloud:
        jobs = [cloud.submit(name)[0] for name in ("one", "two", "one-ios", "two")]
        until(lambda: executor.running == 2)
        assert [cloud.job(job)["status"] for job in jobs] == ["RUNNING", "RUNNING", "PENDING_DEVICE", "PENDING"]
        executor.may_go.set()
        assert [cloud.wait(job)["result"] for job in jobs] == ["PASSED"] * 4


def test_devices_come_and_go_and_one_that_was_here_still_takes_jobs(config: Any, serve_cloud: Any) -> None:
    present = list(config.devices())
    with serve_cloud(replace(config, devices=lambda: tuple(present))) as cloud:
        two = present.pop(1)
        assert [device["name"] for device in cloud.data("GET", "/api/device-cloud/devices")] == ["one", "one-ios"]
        body = {"modelUploadId": "none", "deviceName": two.name}
        refused = cloud.api.post("/api/device-cloud/jobs", json=body)
        assert refused.json()["message"] == "there is no such device"
        present.append(two)
        assert len(cloud.data("GET", "/api/device-cloud/devices")) == 3
        present.pop()
        assert cloud.wait(cloud.submit("two")[0])["result"] == "PASSED"


def test_an_ios_device_that_is_stopping_holds_up_itself_alone(config: Any, executor: Any, serve_cloud: Any) -> None:
    with serve_cloud(replace(config, ios_linger_s=30.0)) as cloud:
        first, _ = cloud.submit("one-ios")
        second, _ = cloud.submit("one-ios")
        other, _ = cloud.submit("one")
        assert cloud.wait(other)["result"] == "PASSED"
        assert cloud.job(first)["status"] == "STOPPING"
        assert cloud.job(second)["status"] == "PENDING"


def test_a_stopping_ios_device_goes_on_with_its_next_job(cloud: Any) -> None:
    first, second = (cloud.submit("one-ios")[0] for _ in range(2))
    assert cloud.wait(second)["result"] == "PASSED"
    assert cloud.job(first)["completedAt"] <= cloud.job(second)["completedAt"]


@pytest.mark.parametrize("failure", [RuntimeError("boom"), KeyError("host"), MemoryError(), OSError(5, "bad disk")])
def test_a_measurement_that_raises_ends_its_own_job_only(cloud: Any, executor: Any, failure: Exception) -> None:
    executor.failure = failure
    job_id, download_id = cloud.submit("one")
    assert cloud.wait(job_id)["result"] == "ERRORED"
    assert cloud.download(download_id)["status"] == "PENDING"
    assert cloud.api.get(f"/api/device-cloud/jobs/{job_id}/artifacts").status_code == 404
    executor.failure = None
    assert cloud.wait(cloud.submit("one")[0])["result"] == "PASSED"


@pytest.mark.parametrize(
    ("device", "changed"),
    [
        ("one", {"model_tflite": None}),
        ("one", {"benchmark_params_json": None}),
        ("one", {"benchmark_params_json": "[1]"}),
        ("one", {"benchmark_params_json": '{"num_runs": 50}'}),
        ("one", {"downloads_url_txt": None}),
        ("one", {"downloads_url_txt": "http://192.0.2.1/steal?signature=x"}),
        ("one", {"downloads_url_txt": "http://["}),
        ("one", {"downloads_url_txt": "/downloads/0?expires=99999999999&size=9&signature=0"}),
        ("one-ios", {"tests_test_py": None}),
    ],
)
def test_a_bundle_that_cannot_be_used_completes_without_results(
    cloud: Any, executor: Any, device: str, changed: dict[str, str | None]
) -> None:
    job_id, download_id = cloud.submit(device, **changed)
    assert cloud.wait(job_id)["result"] == "ERRORED"
    assert cloud.download(download_id)["status"] == "PENDING"
    assert executor.orders == []


def test_results_without_a_latency_are_published_as_failed(cloud: Any, executor: Any, make_results: Any) -> None:
    executor.results = make_results("ERROR: Failed to load model.\n")
    job_id, download_id = cloud.submit("one")
    assert cloud.wait(job_id)["result"] == "FAILED"
    assert cloud.storage.get(cloud.download(download_id)["url"]).content == executor.results


def test_results_that_are_no_zip_are_published_all_the_same(cloud: Any, executor: Any) -> None:
    executor.results = b"half a zi"
    job_id, download_id = cloud.submit("one")
    assert cloud.wait(job_id)["result"] == "FAILED"
    assert cloud.storage.get(cloud.download(download_id)["url"]).content == executor.results


def test_of_two_jobs_with_one_download_the_first_counts(
    cloud: Any, executor: Any, make_bundle: Any, make_results: Any
) -> None:
    download = cloud.data("POST", "/api/device-cloud/downloads")
    body = {"modelUploadId": cloud.put_bundle(make_bundle(download["url"])), "deviceName": "one"}
    first = cloud.wait(cloud.data("POST", "/api/device-cloud/jobs", json=body)["id"])
    earlier, executor.results = executor.results, make_results("another log")
    second = cloud.wait(cloud.data("POST", "/api/device-cloud/jobs", json=body)["id"])
    assert cloud.storage.get(cloud.download(download["id"])["url"]).content == earlier
    for job, results in ((first, earlier), (second, executor.results)):
        artifacts = cloud.data("GET", f"/api/device-cloud/jobs/{job['id']}/artifacts")
        assert cloud.storage.get(artifacts["url"]).content == results


def test_nothing_of_a_job_stays_in_the_scratch_folder(cloud: Any, until: Any) -> None:
    cloud.wait(cloud.submit("one")[0])
    cloud.wait(cloud.submit("one", model_tflite=None)[0])
    until(lambda: not list((cloud.config.data_dir / "scratch").iterdir()))


def test_old_bundles_and_results_are_forgotten(config: Any, serve_cloud: Any, until: Any) -> None:
    with serve_cloud(config) as cloud:
        job_id, download_id = cloud.submit("one")
        cloud.wait(job_id)
    with serve_cloud(replace(config, bundle_keep_s=0.0)) as cloud:
        until(lambda: len(list((config.data_dir / "blobs").iterdir())) == 1)
        assert cloud.download(download_id)["status"] == "SUCCEEDED"
    with serve_cloud(replace(config, results_keep_s=0.0)) as cloud:
        until(lambda: not list((config.data_dir / "blobs").iterdir()))
        assert cloud.api.get(f"/api/device-cloud/downloads/{download_id}").status_code == 404
        assert cloud.api.get(f"/api/device-cloud/jobs/{job_id}").status_code == 404


def test_a_bundle_that_another_job_waits_for_is_kept(
    config: Any, executor: Any, serve_cloud: Any, make_bundle: Any
) -> None:
    executor.may_go.clear()
    with serve_cloud(replace(config, bundle_keep_s=0.0)) as cloud:
        url = cloud.data("POST", "/api/device-cloud/downloads")["url"]
        body = {"modelUploadId": cloud.put_bundle(make_bundle(url)), "deviceName": "one"}
        jobs = [cloud.data("POST", "/api/device-cloud/jobs", json=body)["id"] for _ in range(2)]
        executor.may_go.set()
        assert [cloud.wait(job)["result"] for job in jobs] == ["PASSED", "PASSED"]
