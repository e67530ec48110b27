"""The documented quota codes, returned when they are true and not when they are not."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

ZIP = {"Content-Type": "application/zip"}
MIB = 2**20


def code_of(response: Any) -> str:
    return str(response.json()["errors"][0].get("code"))


@pytest.fixture
def small(config: Any, serve_cloud: Any) -> Any:
    """A cloud with room for 3 MiB, 2 MiB a file, and two unfinished jobs."""
    limits = {"max_upload_bytes": 2 * MIB, "storage_quota_bytes": 3 * MIB, "job_quota": 2}
    with serve_cloud(replace(config, **limits)) as running:
        yield running


def announce(cloud: Any, size_bytes: int) -> Any:
    run_id = cloud.make_run().rsplit("/", 1)[1]
    return cloud.api.post("/api/artifacts", json={"runId": run_id, "fileName": "a", "fileSize": size_bytes})


def put(cloud: Any, size_bytes: int, *, chunked: bool = False) -> Any:
    url = cloud.data("POST", "/api/device-cloud/uploads")["url"]
    content = (b"x" * (MIB // 4) for _ in range(4 * size_bytes // MIB)) if chunked else b"x" * size_bytes
    return cloud.storage.put(url, content=content, headers=ZIP)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_bundle_that_is_too_large(small: Any, chunked: bool) -> None:
    refused = put(small, 3 * MIB, chunked=chunked)
    assert refused.status_code == 413
    assert code_of(refused) == "file_too_large"
    assert put(small, 2 * MIB, chunked=chunked).status_code == 200


@pytest.mark.parametrize("size_bytes", [2 * MIB + 1, 2**63, 10**30])
def test_an_artifact_that_would_be_too_large(small: Any, size_bytes: int) -> None:
    refused = announce(small, size_bytes)
    assert refused.status_code == 413
    assert code_of(refused) == "file_too_large"


@pytest.mark.parametrize("chunked", [False, True])
def test_storage_is_used_up_by_bundles_and_freed_by_deleting_artifacts(small: Any, chunked: bool) -> None:
    artifact = announce(small, MIB)
    path = f"/api/artifacts/{artifact.json()['data']['id']}"
    target = small.data("POST", f"{path}/upload-url")
    headers = {"Content-Type": "application/octet-stream", "x-goog-content-length-range": f"0,{MIB}"}
    assert small.storage.put(target["url"], content=b"x" * MIB, headers=headers).status_code == 200
    assert put(small, MIB, chunked=chunked).status_code == 200

    for refused in (put(small, 2 * MIB, chunked=chunked), announce(small, 2 * MIB)):
        assert refused.status_code == 409
        assert code_of(refused) == "storage_quota_exceeded"
    assert small.api.delete(path).status_code == 204
    assert put(small, 2 * MIB, chunked=chunked).status_code == 200


def test_a_full_storage_gives_out_no_new_uploads(small: Any) -> None:
    assert put(small, 2 * MIB).status_code == 200
    assert put(small, MIB).status_code == 200
    refused = small.api.post("/api/device-cloud/uploads")
    assert code_of(refused) == "storage_quota_exceeded"


def test_a_refused_or_broken_upload_holds_no_room(small: Any) -> None:
    for _ in range(5):
        assert put(small, 3 * MIB, chunked=True).status_code == 413
    assert put(small, 2 * MIB).status_code == 200


def test_uploads_at_once_do_not_share_the_same_room(small: Any) -> None:
    urls = [small.data("POST", "/api/device-cloud/uploads")["url"] for _ in range(6)]
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda url: small.storage.put(url, content=b"x" * MIB, headers=ZIP).status_code, urls)
    assert sorted(answers) == [200, 200, 200, 409, 409, 409]


def test_unfinished_jobs_have_a_quota(small: Any, executor: Any, make_bundle: Any) -> None:
    executor.may_go.clear()
    first, _ = small.submit("one")
    small.submit("two")
    body = {"modelUploadId": small.put_bundle(make_bundle("x")), "deviceName": "one"}
    refused = small.api.post("/api/device-cloud/jobs", json=body)
    assert refused.status_code == 409
    assert code_of(refused) == "job_quota_exceeded"
    executor.may_go.set()
    small.wait(first)
    assert small.api.post("/api/device-cloud/jobs", json=body).status_code == 201


def test_results_are_kept_beyond_the_quota(config: Any, executor: Any, serve_cloud: Any, make_results: Any) -> None:
    executor.results = make_results("x" * MIB)
    with serve_cloud(replace(config, storage_quota_bytes=MIB // 2)) as cloud:
        job_id, download_id = cloud.submit("one")
        cloud.wait(job_id)
        assert cloud.storage.get(cloud.download(download_id)["url"]).content == executor.results
