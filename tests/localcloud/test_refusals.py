"""Every documented form of failure, in its envelope."""

import json
import socket
from dataclasses import replace
from typing import Any

import httpx
import pytest

RUN_BODY = {"type": "PROFILE", "startedAt": "2026-01-31T02:00:00Z"}


def check_envelope(response: httpx.Response, status: int, code: str | None = None) -> Any:
    """The failure's first error, whose fields are as protocol.md has them."""
    assert response.status_code == status, response.text
    body = response.json()
    assert isinstance(body["message"], str)
    error = body["errors"][0]
    assert error["status"] == status
    assert error["title"]
    assert error["detail"]
    assert error.get("code") == code
    return error


@pytest.mark.parametrize("path", ["/api/projects?name=a", "/api/device-cloud/jobs/x", "/nowhere", "/"])
@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer wrong", "Basic the-key-of-the-tests", "the-key-of-the-tests", "Bearer kéy"],
)
def test_without_the_key_nothing_is_told(shared_cloud: Any, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    response = httpx.get(shared_cloud.base_url + path, headers=headers)
    check_envelope(response, 401)
    assert response.headers["www-authenticate"] == "Bearer"
    assert "the-key-of-the-tests" not in response.text


def test_the_documents_are_open_to_all(shared_cloud: Any) -> None:
    for origin in (shared_cloud.base_url, shared_cloud.storage_url):
        assert httpx.get(f"{origin}/openapi.json").json()["openapi"].startswith("3.")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/projects?name=nobody", None),
        ("POST", "/api/projects/nobody/runs", RUN_BODY),
        ("GET", "/api/projects/nobody/runs/none", None),
        ("PATCH", "/api/projects/nobody/runs/none", {}),
        ("POST", "/api/projects/nobody/runs/none/params", {"name": "a", "value": "b"}),
        ("POST", "/api/projects/nobody/runs/none/metrics", {"name": "a", "value": 1}),
        ("POST", "/api/projects/nobody/runs/none/tags", {"name": "a", "value": "b"}),
        ("POST", "/api/artifacts", {"runId": "none", "fileName": "a", "fileSize": 1}),
        ("POST", "/api/artifacts/none/upload-url", None),
        ("PUT", "/api/artifacts/none/content", None),
        ("PATCH", "/api/artifacts/none", {"status": "UPLOADED"}),
        ("DELETE", "/api/artifacts/none", None),
        ("GET", "/api/device-cloud/downloads/none", None),
        ("GET", "/api/device-cloud/jobs/none", None),
        ("GET", "/api/device-cloud/jobs/none/artifacts", None),
        ("POST", "/api/device-cloud/jobs", {"modelUploadId": "none", "deviceName": "one"}),
        ("POST", "/api/device-cloud/jobs", {"modelUploadId": "none", "deviceName": "nobody's"}),
        ("GET", "/api/device-cloud/devices/", None),
        ("GET", "/api/device-cloud/jobs/..%2f..%2fapi-key", None),
        ("GET", "/nowhere", None),
    ],
)
def test_what_is_not_there_is_404(shared_cloud: Any, method: str, path: str, body: Any) -> None:
    check_envelope(shared_cloud.api.request(method, path, json=body), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/api/projects"), ("PUT", "/api/device-cloud/jobs"), ("POST", "/api/device-cloud/devices")],
)
def test_a_method_that_is_not_there_is_405_and_says_which_are(shared_cloud: Any, method: str, path: str) -> None:
    response = shared_cloud.api.request(method, path)
    check_envelope(response, 405)
    assert response.headers["allow"]


@pytest.mark.parametrize(
    "text", [b"", b"{", b"nonsense", b'{"name": "\xff"}', b'{"name": "\\ud800"}', b'{"name": "a"} x', b"[" * 100_000]
)
def test_a_body_that_is_not_json_is_400(shared_cloud: Any, text: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    check_envelope(shared_cloud.api.post("/api/projects", content=text, headers=headers), 400)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_another_type_of_body_is_415(shared_cloud: Any, content_type: str) -> None:
    response = shared_cloud.api.post("/api/projects", content=b'{"name": "a"}', headers={"Content-Type": content_type})
    check_envelope(response, 415)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_may_be_spelt_differently(shared_cloud: Any, content_type: str) -> None:
    body = json.dumps({"name": content_type})
    assert shared_cloud.api.post("/api/projects", content=body, headers={"Content-Type": content_type}).is_success


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/api/projects", {}, "/name"),
        ("/api/projects", {"name": ""}, "/name"),
        ("/api/projects", {"name": "a" * 1025}, "/name"),
        ("/api/projects", {"name": 7}, "/name"),
        ("/api/projects", {"name": None}, "/name"),
        ("/api/projects", [], ""),
        ("/api/projects", "text", ""),
        ("runs", {"type": "PROFILE"}, "/startedAt"),
        ("runs", {"type": "PROFILE", "started_at": "2026-01-31T02:00:00Z"}, "/startedAt"),
        ("runs", {**RUN_BODY, "startedAt": "2026-01-31T02:00:00"}, "/startedAt"),
        ("runs", {**RUN_BODY, "startedAt": 1769824800}, "/startedAt"),
        ("runs", {**RUN_BODY, "startedAt": "yesterday"}, "/startedAt"),
        ("runs", {**RUN_BODY, "type": "profile"}, "/type"),
        ("runs", {**RUN_BODY, "name": None}, "/name"),
        ("metrics", {"name": "a"}, "/value"),
        ("metrics", {"name": "a", "value": "1.5"}, "/value"),
        ("metrics", {"name": "a", "value": True}, "/value"),
        ("metrics", {"name": "a", "value": 1, "step": -1}, "/step"),
        ("metrics", {"name": "a", "value": 1, "step": 2**31}, "/step"),
        ("metrics", {"name": "a", "value": 1, "step": 10**40}, "/step"),
        ("metrics", {"name": "a", "value": 1, "step": None}, "/step"),
        ("params", {"name": "a", "value": 1}, "/value"),
        ("params", {"name": "a", "value": "x" * 65_537}, "/value"),
        ("tags", {"value": "b"}, "/name"),
        ("patch", {"status": "DONE"}, "/status"),
        ("patch", {"status": None}, "/status"),
        ("patch", {"endedAt": None}, "/endedAt"),
        ("patch", {"metrics": [{"name": "a", "value": 1}, {"name": "b"}]}, "/metrics/1/value"),
        ("/api/artifacts", {"runId": "a", "fileName": "b", "fileSize": -1}, "/fileSize"),
        ("/api/artifacts", {"runId": "a", "fileName": "b", "fileSize": "1"}, "/fileSize"),
        ("/api/device-cloud/uploads", {}, "/type"),
        ("/api/device-cloud/uploads", {"type": "ANDROID"}, "/type"),
        ("/api/device-cloud/jobs", {"deviceName": "one"}, "/modelUploadId"),
    ],
)
def test_a_body_that_is_not_valid_is_422_and_names_the_field(
    shared_cloud: Any, path: str, body: Any, pointer: str
) -> None:
    run = shared_cloud.make_run()
    method, url = "POST", path
    if path == "patch":
        method, url = "PATCH", run
    elif not path.startswith("/"):
        url = run.rsplit("/", 1)[0] if path == "runs" else f"{run}/{path}"
    error = check_envelope(shared_cloud.api.request(method, url, json=body), 422)
    assert error["source"]["pointer"] == pointer


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_metric_is_a_finite_number(shared_cloud: Any, number: str) -> None:
    path = f"{shared_cloud.make_run()}/metrics"
    text = f'{{"name": "a", "value": {number}}}'
    response = shared_cloud.api.post(path, content=text, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)


def test_all_mistakes_are_told_at_once_but_not_without_end(shared_cloud: Any) -> None:
    run = shared_cloud.make_run()
    two = shared_cloud.api.patch(run, json={"status": "no", "metrics": [{"name": "a", "value": "b"}]})
    assert len(two.json()["errors"]) == 2
    many = shared_cloud.api.patch(run, json={"metrics": [{}] * 10_000})
    assert len(many.json()["errors"]) == 20


def test_what_was_sent_is_not_repeated(shared_cloud: Any) -> None:
    response = shared_cloud.api.patch(shared_cloud.make_run(), json={"status": "SECRET-VALUE"})
    assert response.status_code == 422
    assert "SECRET-VALUE" not in response.text


def test_unknown_fields_are_ignored(shared_cloud: Any) -> None:
    assert shared_cloud.data("POST", "/api/projects", json={"name": "a", "colour": "red"})["name"] == "a"


@pytest.mark.parametrize("query", ["", "?name=", "?title=a"])
def test_a_project_is_asked_for_by_name(shared_cloud: Any, query: str) -> None:
    check_envelope(shared_cloud.api.get(f"/api/projects{query}"), 422)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_bound_is_413(config: Any, serve_cloud: Any, chunked: bool) -> None:
    with serve_cloud(replace(config, max_body_bytes=1000)) as cloud:
        text = json.dumps({"name": "a", "more": "b" * 10_000}).encode()
        content = (text[at : at + 100] for at in range(0, len(text), 100)) if chunked else text
        headers = {"Content-Type": "application/json"}
        check_envelope(cloud.api.post("/api/projects", content=content, headers=headers), 413)
        assert cloud.data("POST", "/api/projects", json={"name": "a"})["name"] == "a"


def test_a_body_that_stops_arriving_is_408(config: Any, serve_cloud: Any) -> None:
    with serve_cloud(replace(config, stall_timeout_s=0.1)) as cloud:
        address = httpx.URL(cloud.base_url)
        with socket.create_connection((address.host, address.port), timeout=5) as connection:
            connection.sendall(
                b"POST /api/projects HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
                b"Authorization: Bearer " + cloud.config.api_key.encode() + b'\r\n\r\n{"name"'
            )
            assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(("device", "ios"), [("one", True), ("one-ios", False)])
def test_a_bundle_for_another_platform_is_refused_when_submitted(
    shared_cloud: Any, make_bundle: Any, device: str, ios: bool
) -> None:
    upload_id = shared_cloud.put_bundle(make_bundle("x", ios=ios), ios=ios)
    body = {"modelUploadId": upload_id, "deviceName": device}
    check_envelope(shared_cloud.api.post("/api/device-cloud/jobs", json=body), 422)


def test_a_job_needs_a_bundle_that_is_a_zip(shared_cloud: Any) -> None:
    upload_id = shared_cloud.data("POST", "/api/device-cloud/uploads")["id"]
    body = {"modelUploadId": upload_id, "deviceName": "one"}
    check_envelope(shared_cloud.api.post("/api/device-cloud/jobs", json=body), 409)
    broken = {"modelUploadId": shared_cloud.put_bundle(b"<html>not a zip</html>"), "deviceName": "one"}
    check_envelope(shared_cloud.api.post("/api/device-cloud/jobs", json=broken), 422)


def test_a_bundle_does_not_change_once_a_job_rests_on_it(cloud: Any, executor: Any, make_bundle: Any) -> None:
    executor.may_go.clear()
    download = cloud.data("POST", "/api/device-cloud/downloads")
    upload = cloud.data("POST", "/api/device-cloud/uploads")
    headers = {"Content-Type": "application/zip"}
    for _ in range(2):  # a repeated PUT, after a lost answer, is fine
        assert cloud.storage.put(upload["url"], content=make_bundle(download["url"]), headers=headers).is_success
    cloud.data("POST", "/api/device-cloud/jobs", json={"modelUploadId": upload["id"], "deviceName": "one"})
    check_envelope(cloud.storage.put(upload["url"], content=make_bundle("other"), headers=headers), 409)
