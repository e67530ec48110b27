"""Tracking, as protocol "Tracking" has it."""

from datetime import UTC, datetime
from urllib.parse import parse_qs

import httpx
import pytest

from orchestrator.domain.measurement import Measurement, Metric
from orchestrator.errors import AnswerLost, KeyRefused, Misbehaving, QuotaExceeded, Refused, StorageRefused

AT = datetime(2026, 1, 31, 2, 0, 0, tzinfo=UTC)
NOT_FOUND = httpx.Response(404, json={"message": "no such project"})
SIGNED = {"url": "https://storage.example/a?sig=secret", "maxSize": "100", "uploadMode": "SIGNED_URL"}
MEASUREMENT = Measurement(metrics={"latency_ms": Metric(value=2.0, unit="ms")})


def url_of(request):
    return f"{request.method} {request.url.raw_path.decode()}"


def run_answer(status="RUNNING"):
    return {"id": "r1", "name": "n", "type": "PROFILE", "status": status, "createdAt": "2026-01-31T02:00:00Z"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(b"0123456789")
    return path


def test_a_project_is_found_by_its_name(scripted, data) -> None:
    scripted.api = [data({"id": "p1", "name": "a b&c"})]
    assert scripted.run(lambda cloud: cloud.hub.project_id("a b&c")) == "p1"
    assert scripted.asked[0].url.path == "/base/api/projects"
    assert parse_qs(scripted.asked[0].url.query.decode()) == {"name": ["a b&c"]}


def test_an_unknown_project_is_created(scripted, data) -> None:
    scripted.api = [NOT_FOUND, data({"id": "p1", "name": "vision"}, 201)]
    assert scripted.run(lambda cloud: cloud.hub.project_id("vision")) == "p1"
    assert url_of(scripted.asked[1]) == "POST /base/api/projects"
    assert scripted.sent(1) == {"name": "vision"}


@pytest.mark.parametrize("fault", [httpx.ReadTimeout("x"), httpx.Response(502), httpx.Response(200, text="?")], ids=str)
def test_a_project_whose_creation_is_in_doubt_is_looked_for(scripted, data, fault) -> None:
    scripted.api = [NOT_FOUND, fault, data({"id": "p1", "name": "vision"})]
    assert scripted.run(lambda cloud: cloud.hub.project_id("vision")) == "p1"
    assert [request.method for request in scripted.asked] == ["GET", "POST", "GET"]


def test_a_project_that_was_not_created_after_all_is_created_again(scripted, data) -> None:
    scripted.api = [NOT_FOUND, httpx.ReadTimeout("x"), NOT_FOUND, data({"id": "p1", "name": "vision"})]
    assert scripted.run(lambda cloud: cloud.hub.project_id("vision")) == "p1"
    assert [request.method for request in scripted.asked] == ["GET", "POST", "GET", "POST"]


def test_a_project_that_somebody_else_created_first_is_taken(scripted, data) -> None:
    scripted.api = [NOT_FOUND, httpx.Response(409), data({"id": "p1", "name": "vision"})]
    assert scripted.run(lambda cloud: cloud.hub.project_id("vision")) == "p1"


def test_a_project_that_may_not_be_created_is_said(scripted) -> None:
    scripted.api = [NOT_FOUND, httpx.Response(422, json={"message": "a bad name"}), httpx.Response(404)]
    with pytest.raises(Refused, match="a bad name"):
        scripted.run(lambda cloud: cloud.hub.project_id("vision"))


def test_a_refusal_to_look_for_a_project_is_no_absence(scripted) -> None:
    scripted.api = [httpx.Response(400)]
    with pytest.raises(Refused):
        scripted.run(lambda cloud: cloud.hub.project_id("vision"))
    assert len(scripted.asked) == 1


def test_a_run_is_a_profile_run_and_starts_at_its_true_time(scripted, data) -> None:
    scripted.api = [data(run_answer(), 201), data(run_answer(), 201)]
    assert scripted.run(lambda cloud: cloud.hub.create_run("p1", name="job", started_at=AT)) == "r1"
    scripted.run(lambda cloud: cloud.hub.create_run("p/1", name="job", started_at=AT, parent_run_id="r0"))
    assert url_of(scripted.asked[0]) == "POST /base/api/projects/p1/runs"
    assert scripted.sent(0) == {"type": "PROFILE", "name": "job", "startedAt": "2026-01-31T02:00:00Z"}
    assert url_of(scripted.asked[1]) == "POST /base/api/projects/p%2F1/runs"
    assert scripted.sent(1)["parentRunId"] == "r0"


@pytest.mark.parametrize("fault", [httpx.ReadTimeout("x"), httpx.Response(500), httpx.Response(200, text="?")], ids=str)
def test_a_run_in_doubt_is_the_callers_to_decide(scripted, fault) -> None:
    scripted.api = [fault]
    with pytest.raises(AnswerLost):
        scripted.run(lambda cloud: cloud.hub.create_run("p1", name="job", started_at=AT))


def test_a_tag_is_sent_and_repeated(scripted, data) -> None:
    scripted.api = [httpx.ReadTimeout("x"), data({"name": "team", "value": "vision"})]
    scripted.run(lambda cloud: cloud.hub.tag("p1", "r1", "team", "vision"))
    assert url_of(scripted.asked[1]) == "POST /base/api/projects/p1/runs/r1/tags"
    assert scripted.sent(1) == {"name": "team", "value": "vision"}


def complete(cloud):
    return cloud.hub.complete(
        "p1", "r1", status="FINISHED", ended_at=AT, measurement=MEASUREMENT, params={"num_runs": "50"}, device="d"
    )


def test_a_param_and_a_metric_can_be_logged_alone(scripted, data) -> None:
    scripted.api = [data({"name": "p", "value": "v"}, 201), data({"name": "m", "value": 1.5, "step": 0}, 201)]
    scripted.run(lambda cloud: cloud.hub.param("p1", "r1", "p", "v"))
    scripted.run(lambda cloud: cloud.hub.metric("p1", "r1", "m", 1.5, step=0))
    paths = [url_of(request) for request in scripted.asked]
    assert paths == [f"POST /base/api/projects/p1/runs/r1/{kind}" for kind in ("params", "metrics")]
    assert [scripted.sent(0), scripted.sent(1)] == [
        {"name": "p", "value": "v"},
        {"name": "m", "value": 1.5, "step": 0},
    ]


def test_a_metric_in_doubt_is_not_logged_again(scripted) -> None:
    scripted.api = [httpx.ReadTimeout("x")]
    with pytest.raises(AnswerLost):
        scripted.run(lambda cloud: cloud.hub.metric("p1", "r1", "m", 1.5))
    assert "step" not in scripted.sent(0)


def test_a_run_ends_with_everything_in_one_request(scripted) -> None:
    scripted.api = [httpx.Response(204)]
    scripted.run(complete)
    assert url_of(scripted.asked[0]) == "PATCH /base/api/projects/p1/runs/r1"
    assert scripted.sent(0) == {
        "status": "FINISHED",
        "endedAt": "2026-01-31T02:00:00Z",
        "metrics": [{"name": "latency_ms", "value": 2.0}, {"name": "$latency", "value": 2.0}],
        "params": [{"name": "num_runs", "value": "50"}, {"name": "$device", "value": "d"}],
    }


@pytest.mark.parametrize("answer", [{"data": None}, {"data": "anything"}, {"data": [1]}])
def test_anything_is_an_answer_to_a_change(scripted, answer) -> None:
    scripted.api = [httpx.Response(200, json=answer)]
    scripted.run(complete)


@pytest.mark.parametrize(
    "fault", [httpx.ReadTimeout("x"), httpx.Response(500), httpx.Response(200, text="<p>")], ids=str
)
def test_a_completion_in_doubt_is_looked_at_before_it_is_repeated(scripted, data, fault) -> None:
    scripted.api = [fault, data(run_answer("FINISHED"))]
    scripted.run(complete)
    assert [request.method for request in scripted.asked] == ["PATCH", "GET"]


def test_a_completion_that_did_not_happen_is_repeated(scripted, data) -> None:
    scripted.api = [httpx.ReadTimeout("x"), data(run_answer()), httpx.Response(204)]
    scripted.run(complete)
    assert [request.method for request in scripted.asked] == ["PATCH", "GET", "PATCH"]


@pytest.mark.parametrize(
    ("status", "is_complete"),
    [("RUNNING", False), ("SCHEDULED", False), ("FINISHED", True), ("FAILED", True), ("KILLED", True), ("NEW", False)],
)
def test_three_statuses_complete_a_run(scripted, data, status, is_complete) -> None:
    scripted.api = [data({**run_answer(status), "unknownField": {"x": 1}})]
    assert scripted.run(lambda cloud: cloud.hub.is_complete("p1", "r1")) is is_complete


def test_an_artifact_is_announced(scripted, data) -> None:
    scripted.api = [
        data({"id": "a1", "runId": "r1", "fileName": "log.txt", "fileSize": "10", "status": "PENDING"}, 201)
    ]
    assert scripted.run(lambda cloud: cloud.hub.create_artifact("r1", "log.txt", 10)) == "a1"
    assert url_of(scripted.asked[0]) == "POST /base/api/artifacts"
    assert scripted.sent(0) == {"runId": "r1", "fileName": "log.txt", "fileSize": 10}


def test_a_full_quota_is_said(scripted) -> None:
    scripted.api = [httpx.Response(409, json={"errors": [{"code": "storage_quota_exceeded"}]})]
    with pytest.raises(QuotaExceeded) as caught:
        scripted.run(lambda cloud: cloud.hub.create_artifact("r1", "log.txt", 10))
    assert caught.value.code == "storage_quota_exceeded"


def test_a_signed_upload_has_exactly_the_headers_of_its_signature(scripted, data, file) -> None:
    scripted.api, scripted.storage = [data(SIGNED)], [httpx.Response(200)]
    scripted.run(lambda cloud: cloud.hub.send_artifact("a1", file))
    assert url_of(scripted.asked[0]) == "POST /base/api/artifacts/a1/upload-url"
    put = scripted.asked_storage[0]
    assert (put.method, str(put.url), put.content) == ("PUT", SIGNED["url"], b"0123456789")
    assert put.headers["content-type"] == "application/octet-stream"
    assert put.headers["x-goog-content-length-range"] == "0,10"
    assert put.headers["content-length"] == "10"
    assert "authorization" not in put.headers


def test_a_signed_url_that_expired_is_asked_for_again_once(scripted, data, file) -> None:
    scripted.api = [data(SIGNED), data(SIGNED)]
    scripted.storage = [httpx.Response(403), httpx.Response(200)]
    scripted.run(lambda cloud: cloud.hub.send_artifact("a1", file))
    scripted.api = [data(SIGNED), data(SIGNED)]
    scripted.storage = [httpx.Response(403), httpx.Response(403)]
    with pytest.raises(StorageRefused):
        scripted.run(lambda cloud: cloud.hub.send_artifact("a1", file))


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/api/artifacts/a1/content?t=1", "/base/api/artifacts/a1/content?t=1"),
        ("api/artifacts/a1/content", "/base/api/artifacts/a1/content"),
        ("https://hub.example/elsewhere", "/elsewhere"),
        ("https://hub.example:443/elsewhere", "/elsewhere"),
        ("//evil.example/x", "/base/evil.example/x"),
        ("@evil.example/x", "/base/@evil.example/x"),
    ],
)
def test_an_upload_to_the_api_takes_the_key_to_its_own_host(scripted, data, file, address, path) -> None:
    scripted.api = [data({"url": address, "maxSize": "100", "uploadMode": "API"}), httpx.Response(204)]
    scripted.run(lambda cloud: cloud.hub.send_artifact("a1", file))
    put = scripted.asked[1]
    assert (put.method, put.url.host, put.url.raw_path.decode()) == ("PUT", "hub.example", path)
    assert put.headers["authorization"] == "Bearer key-that-nobody-may-see"
    assert put.headers["content-type"] == "application/octet-stream"
    assert put.content == b"0123456789"


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/x",
        "http://hub.example/x",
        "https://hub.example:8443/x",
        "https://hub.example.evil.example/x",
        "https://user:pass@hub.example/x",
        "HTTPS://EVIL.example/x",
    ],
)
def test_the_key_goes_nowhere_else(scripted, data, file, address) -> None:
    scripted.api = [data({"url": address, "maxSize": "100", "uploadMode": "API"})]
    with pytest.raises(Misbehaving, match="another host"):
        scripted.run(lambda cloud: cloud.hub.send_artifact("a1", file))
    assert len(scripted.asked) == 1
    assert not scripted.asked_storage


@pytest.mark.parametrize(("answer", "error"), [(httpx.Response(401), KeyRefused), (httpx.Response(413), Refused)])
def test_an_upload_to_the_api_fails_like_any_call(scripted, data, file, answer, error) -> None:
    scripted.api = [data({"url": "/x", "uploadMode": "API"}), answer]
    with pytest.raises(error):
        scripted.run(lambda cloud: cloud.hub.send_artifact("a1", file))


def test_an_unknown_way_to_upload_is_no_guess(scripted, data, file) -> None:
    scripted.api = [lambda _: httpx.Response(200, json={"data": {**SIGNED, "uploadMode": "CARRIER_PIGEON"}})] * 30
    with pytest.raises(Misbehaving):
        scripted.run(lambda cloud: cloud.hub.send_artifact("a1", file))
    assert not scripted.asked_storage


@pytest.mark.parametrize(("uploaded", "status"), [(True, "UPLOADED"), (False, "FAILED")])
def test_an_artifact_is_settled(scripted, uploaded, status) -> None:
    scripted.api = [httpx.ReadTimeout("x"), httpx.Response(204)]
    scripted.run(lambda cloud: cloud.hub.mark_artifact("a1", uploaded=uploaded))
    assert url_of(scripted.asked[1]) == "PATCH /base/api/artifacts/a1"
    assert scripted.sent(1) == {"status": status}


def test_an_artifact_is_deleted_even_if_it_is_gone(scripted, data) -> None:
    scripted.api = [data({}), httpx.ReadTimeout("x"), NOT_FOUND, httpx.Response(409)]
    scripted.run(lambda cloud: cloud.hub.delete_artifact("a1"))
    assert url_of(scripted.asked[0]) == "DELETE /base/api/artifacts/a1"
    scripted.run(lambda cloud: cloud.hub.delete_artifact("a1"))
    with pytest.raises(Refused):
        scripted.run(lambda cloud: cloud.hub.delete_artifact("a1"))
