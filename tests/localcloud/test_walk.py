"""One job, start to end, as protocol.md tells it, over real sockets."""

import io
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.localcloud.config import CloudConfig
from orchestrator.protocol.results import read_results

TINY = Path(__file__).parents[2] / "benchmarks" / "models" / "tiny.tflite"
QUICK = '{"num_runs": "5", "min_secs": "0", "max_secs": "1"}'


@pytest.mark.parametrize(("device", "platform"), [("one", "ANDROID"), ("one-ios", "IOS")])
def test_one_job_from_the_download_to_its_results(
    cloud: Any, executor: Any, make_bundle: Any, device: str, platform: str
) -> None:
    listed = cloud.data("GET", "/api/device-cloud/devices")
    assert {"name": device, "platform": platform}.items() <= next(d for d in listed if d["name"] == device).items()
    ios = platform == "IOS"

    download = cloud.data("POST", "/api/device-cloud/downloads")
    assert download["status"] == "PENDING"
    upload_id = cloud.put_bundle(make_bundle(download["url"], ios=ios), ios=ios)
    submitted = cloud.data("POST", "/api/device-cloud/jobs", json={"modelUploadId": upload_id, "deviceName": device})
    assert submitted["status"] == "PENDING"

    job = cloud.wait(submitted["id"])
    assert job["result"] == "PASSED"
    assert datetime.fromisoformat(job["completedAt"]) > datetime.fromisoformat(job["createdAt"])
    ready = cloud.download(download["id"])
    assert ready["status"] == "SUCCEEDED"
    artifacts = cloud.data("GET", f"/api/device-cloud/jobs/{job['id']}/artifacts")
    assert artifacts["jobId"] == job["id"]
    for url in (ready["url"], artifacts["url"]):
        fetched = cloud.storage.get(url)
        assert fetched.content == executor.results
        assert fetched.headers["content-length"] == str(len(executor.results))


@pytest.mark.parametrize("device", ["two", "one-ios"])
def test_the_measurement_gets_the_model_and_not_the_bundles_secrets(cloud: Any, executor: Any, device: str) -> None:
    cloud.wait(cloud.submit(device)[0])
    (order,), (files,) = executor.orders, executor.models
    assert (order.device_name, order.params) == (device, {"num_runs": "50"})
    assert files == {"model.tflite": b"not really a model"}
    assert order.model_path.name == "model.tflite"


def test_signed_urls_lead_to_another_origin_that_takes_no_key(cloud: Any) -> None:
    upload = cloud.data("POST", "/api/device-cloud/uploads")
    assert upload["url"].startswith(cloud.storage_url)
    assert cloud.storage_url != cloud.base_url
    refused = cloud.storage.put(
        upload["url"],
        content=b"x",
        headers={"Content-Type": "application/zip", "Authorization": f"Bearer {cloud.config.api_key}"},
    )
    assert refused.status_code == 400


def test_ios_results_are_there_while_the_job_is_stopping(
    cloud: Any, config: Any, serve_cloud: Any, tmp_path: Any
) -> None:
    slow = replace(config, data_dir=tmp_path / "slow", ios_linger_s=30.0)
    with serve_cloud(slow) as lingering:
        job_id, download_id = lingering.submit("one-ios")
        lingering.wait(job_id, "STOPPING")
        ready = lingering.download(download_id)
        assert ready["status"] == "SUCCEEDED"
        assert zipfile.is_zipfile(io.BytesIO(lingering.storage.get(ready["url"]).content))
        assert "result" not in lingering.job(job_id)


def test_a_device_elsewhere_may_put_its_results_itself(cloud: Any, make_results: Any) -> None:
    download = cloud.data("POST", "/api/device-cloud/downloads")
    results = make_results()
    assert cloud.storage.put(download["url"], content=results).status_code == 200
    ready = cloud.download(download["id"])
    assert ready["status"] == "SUCCEEDED"
    assert cloud.storage.get(ready["url"]).content == results
    assert cloud.storage.put(download["url"], content=b"others").status_code == 409


@pytest.mark.parametrize("platform", ["ANDROID", "IOS"])
def test_this_host_really_measures_a_model(
    config: Any, serve_cloud: Any, make_bundle: Any, platform: str, tmp_path: Path
) -> None:
    fresh = CloudConfig(data_dir=config.data_dir, api_key=config.api_key)
    with serve_cloud(fresh) as cloud:
        listed = cloud.data("GET", "/api/device-cloud/devices")
        device = next(device["name"] for device in listed if device["platform"] == platform)
        job_id, download_id = cloud.submit(device, model_tflite=TINY.read_bytes(), benchmark_params_json=QUICK)
        assert cloud.wait(job_id, timeout_s=60.0)["result"] == "PASSED"
        (tmp_path / "results.zip").write_bytes(cloud.storage.get(cloud.download(download_id)["url"]).content)
    results = read_results(tmp_path / "results.zip", tmp_path / "results")
    assert results.problems == ()
    assert results.log is not None
    assert results.log.inference_avg_us > 0


def test_the_storage_is_not_found_at_the_apis_port_nor_the_api_at_the_storages(cloud: Any) -> None:
    url = cloud.data("POST", "/api/device-cloud/uploads")["url"]
    there = httpx.URL(url).copy_with(port=httpx.URL(cloud.base_url).port)
    assert cloud.api.put(there, content=b"x", headers={"Content-Type": "application/zip"}).status_code == 404
    assert cloud.storage.get("/api/device-cloud/devices").status_code == 404
