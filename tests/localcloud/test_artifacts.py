"""Artifacts in both upload modes, and what becomes of their bytes."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

CONTENT = b"the raw files of a job"


def announce(cloud: Any, size_bytes: int = len(CONTENT)) -> str:
    run_id = cloud.make_run().rsplit("/", 1)[1]
    body = {"runId": run_id, "fileName": "results.zip", "fileSize": size_bytes}
    artifact = cloud.data("POST", "/api/artifacts", json=body)
    assert artifact["status"] == "PENDING"
    assert artifact["fileSize"] == str(size_bytes)
    return f"/api/artifacts/{artifact['id']}"


def put(cloud: Any, path: str, content: bytes = CONTENT, **headers: str) -> Any:
    """PUTs as the protocol says for the mode the cloud chose; `headers` with _ for - replace its own."""
    target = cloud.data("POST", f"{path}/upload-url")
    if target["uploadMode"] == "API":
        return cloud.api.put(target["url"], content=content)
    signed = {"content-type": "application/octet-stream", "x-goog-content-length-range": f"0,{target['maxSize']}"}
    signed |= {name.replace("_", "-"): value for name, value in headers.items()}
    return cloud.storage.put(target["url"], content=content, headers=signed)


def stored(cloud: Any) -> list[bytes]:
    return [path.read_bytes() for path in (cloud.config.data_dir / "blobs").iterdir()]


@pytest.fixture(params=["SIGNED_URL", "API"])
def either(request: pytest.FixtureRequest, config: Any, serve_cloud: Any) -> Any:
    with serve_cloud(replace(config, upload_mode=request.param)) as running:
        yield running


def test_an_artifact_is_uploaded_and_deleted(either: Any) -> None:
    path = announce(either)
    assert put(either, path).is_success
    assert stored(either) == [CONTENT]
    changed = either.data("PATCH", path, json={"status": "UPLOADED"})
    assert changed["status"] == "UPLOADED"
    assert either.data("PATCH", path, json={"status": "UPLOADED"})["status"] == "UPLOADED"
    assert either.api.delete(path).status_code == 204
    assert stored(either) == []
    assert either.api.delete(path).status_code == 404


def test_the_upload_url_says_how_long_and_how_much(cloud: Any) -> None:
    target = cloud.data("POST", f"{announce(cloud, 7)}/upload-url")
    assert target["maxSize"] == "7"
    left = datetime.fromisoformat(target["expiresAt"]) - datetime.now(UTC)
    assert 0 < left.total_seconds() <= cloud.config.url_ttl_s


def test_in_mode_api_the_url_is_relative_and_takes_the_key(config: Any, serve_cloud: Any) -> None:
    with serve_cloud(replace(config, upload_mode="API")) as cloud:
        url = cloud.data("POST", f"{announce(cloud)}/upload-url")["url"]
        assert url.startswith("/")
        assert cloud.api.put(url, content=CONTENT, headers={"Authorization": "Bearer no"}).status_code == 401


def test_an_uploaded_artifact_stays_as_it_is(either: Any) -> None:
    path = announce(either)
    url = either.data("POST", f"{path}/upload-url")
    assert put(either, path).is_success
    either.data("PATCH", path, json={"status": "UPLOADED"})
    assert either.api.post(f"{path}/upload-url").status_code == 409
    late = either.api if url["uploadMode"] == "API" else either.storage
    headers = {"Content-Type": "application/octet-stream", "x-goog-content-length-range": f"0,{len(CONTENT)}"}
    assert late.put(url["url"], content=b"other", headers=headers).status_code == 409
    assert stored(either) == [CONTENT]


@pytest.mark.parametrize("content", [None, b"", CONTENT[:-1]])
def test_uploaded_needs_all_the_announced_bytes(either: Any, content: bytes | None) -> None:
    path = announce(either)
    if content is not None:
        assert put(either, path, content).is_success
    refused = either.api.patch(path, json={"status": "UPLOADED"})
    assert refused.status_code == 409


def test_an_empty_artifact_can_be_uploaded(either: Any) -> None:
    path = announce(either, 0)
    assert put(either, path, b"").is_success
    assert either.data("PATCH", path, json={"status": "UPLOADED"})["fileSize"] == "0"


def test_a_longer_body_than_announced_is_refused(either: Any) -> None:
    path = announce(either)
    refused = put(either, path, CONTENT + b"!")
    assert refused.status_code == 413
    assert refused.json()["errors"][0]["code"] == "file_too_large"
    assert stored(either) == []


def test_a_second_transfer_replaces_the_first(either: Any) -> None:
    path = announce(either)
    assert put(either, path, b"half").is_success
    assert put(either, path).is_success
    assert stored(either) == [CONTENT]


def test_a_failed_transfer_frees_its_bytes_and_can_be_tried_again(either: Any) -> None:
    path = announce(either)
    assert put(either, path).is_success
    assert either.data("PATCH", path, json={"status": "FAILED"})["status"] == "FAILED"
    assert stored(either) == []
    assert put(either, path).is_success
    assert either.data("PATCH", path, json={"status": "UPLOADED"})["status"] == "UPLOADED"


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "application/zip"},
        {"content_type": "application/octet-stream; charset=utf-8"},
        {"x_goog_content_length_range": "0,99999999"},
        {"x_goog_content_length_range": ""},
    ],
)
def test_the_headers_of_a_signed_put_are_part_of_the_signature(cloud: Any, headers: dict[str, str]) -> None:
    assert put(cloud, announce(cloud), **headers).status_code == 403
    assert stored(cloud) == []


def test_an_artifact_deleted_while_its_bytes_arrive_leaves_none(cloud: Any) -> None:
    path = announce(cloud)

    def body() -> Any:
        yield CONTENT[:5]
        assert cloud.api.delete(path).status_code == 204
        yield CONTENT[5:]

    target = cloud.data("POST", f"{path}/upload-url")
    headers = {"Content-Type": "application/octet-stream", "x-goog-content-length-range": f"0,{len(CONTENT)}"}
    assert cloud.storage.put(target["url"], content=body(), headers=headers).status_code == 404
    assert stored(cloud) == []
    assert list(Path(cloud.config.data_dir / "incoming").iterdir()) == []
