"""What each answer of the API means, and what each request carries."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from orchestrator.client.answers import retry_after_s
from orchestrator.client.http import at
from orchestrator.domain.device import Platform
from orchestrator.errors import (
    AnswerLost,
    CloudError,
    KeyRefused,
    Misbehaving,
    Overloaded,
    QuotaExceeded,
    Refused,
    Unreachable,
)

HTML = httpx.Response(502, html="<html><h1>502 Bad Gateway</h1></html>")


def devices(cloud):
    return cloud.device_cloud.devices()


def submit(cloud):
    return cloud.device_cloud.submit("u1", "a phone")


def refusal(status, **error):
    return httpx.Response(status, json={"message": "no, \x1b[31mreally", "errors": [error]})


def test_every_request_carries_the_key_and_says_what_it_wants(scripted, data) -> None:
    scripted.api = [data([]), data({"id": "j1", "status": "PENDING"})]
    scripted.run(devices)
    scripted.run(submit)
    for request in scripted.asked:
        assert request.headers["authorization"] == "Bearer key-that-nobody-may-see"
        assert request.headers["accept"] == "application/json"
    get, post = scripted.asked
    assert (get.method, str(get.url)) == ("GET", "https://hub.example/base/api/device-cloud/devices")
    assert "content-type" not in get.headers
    assert post.headers["content-type"] == "application/json"
    assert json.loads(post.content) == {"modelUploadId": "u1", "deviceName": "a phone"}


def test_a_call_without_a_body_has_none(scripted, data) -> None:
    scripted.api = [data({"id": "u1", "url": "https://s.example/x"})]
    scripted.run(lambda cloud: cloud.device_cloud.create_upload(Platform.ANDROID))
    assert scripted.asked[0].content == b""
    assert "content-type" not in scripted.asked[0].headers


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal(400), Refused),
        (refusal(404), Refused),
        (refusal(409, code="something"), Refused),
        (refusal(422, code="invalid_run_lineage"), Refused),
        (refusal(401), KeyRefused),
        (refusal(403), KeyRefused),
        (refusal(403, code="storage_quota_exceeded"), QuotaExceeded),
        (refusal(413, code="file_too_large"), QuotaExceeded),
        (refusal(429, code="job_quota_exceeded"), QuotaExceeded),
        (refusal(409, title="x", code="job_quota_exceeded"), QuotaExceeded),
        (httpx.Response(400), Refused),
        (httpx.Response(404, html="<h1>no</h1>"), Refused),
        (httpx.Response(401, html="<h1>no</h1>"), KeyRefused),
        (httpx.Response(418, json=["what"]), Refused),
        (httpx.Response(400, json={"message": 5}), Refused),
        (httpx.Response(400, json={"message": None, "errors": None}), Refused),
    ],
)
def test_a_refusal_is_meant_and_never_repeated(scripted, answer, expected) -> None:
    scripted.api = [answer]
    with pytest.raises(expected) as caught:
        scripted.run(devices)
    assert type(caught.value) is expected
    assert "hub.example" in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_refusal_keeps_its_status_and_code(scripted) -> None:
    scripted.api = [refusal(422, code="invalid_run_lineage", detail="unused")]
    with pytest.raises(Refused, match=r"no, .*really") as caught:
        scripted.run(devices)
    assert (caught.value.status, caught.value.code) == (422, "invalid_run_lineage")


@pytest.mark.parametrize("error", [{"detail": "the detail"}, {"title": "the detail"}])
def test_without_a_message_the_detail_or_title_is_told(scripted, error) -> None:
    scripted.api = [httpx.Response(400, json={"errors": [error]})]
    with pytest.raises(Refused, match="the detail"):
        scripted.run(devices)


PASSING = [
    HTML,
    httpx.Response(500, json={"message": "oops"}),
    httpx.Response(503),
    httpx.Response(408),
    httpx.Response(429, headers={"Retry-After": "2"}),
    httpx.Response(200, html="<html>sign in to the airport</html>"),
    httpx.Response(200, text=""),
    httpx.Response(200, json={"devices": []}),
    httpx.Response(200, json={"data": {"name": "x"}}),
    httpx.Response(200, json={"data": [{"name": 5}]}),
    httpx.Response(200, json=[]),
    httpx.Response(200, content=b'{"data": [' + b"[" * 100_000),
    httpx.Response(200, content=b"\xff\xfe"),
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("slow"),
]


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_what_passes_is_asked_again(scripted, data, fault) -> None:
    scripted.api = [fault, data([])]
    assert scripted.run(devices) == ()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda _: httpx.Response(200, html="<p>hi</p>"), Misbehaving),
        (lambda _: httpx.Response(200, json={"data": "x" * 1000}), Misbehaving),
        (lambda _: httpx.Response(302, headers={"Location": "https://evil.example/"}), Misbehaving),
        (lambda _: httpx.Response(502, html="<p>hi</p>"), Overloaded),
    ],
)
def test_what_does_not_pass_is_named_in_the_end(scripted, fake_time, answer, expected) -> None:
    start = fake_time.now
    scripted.api = [answer] * 100
    with pytest.raises(expected) as caught:
        scripted.run(devices)
    assert fake_time.now - start < 25
    assert len(str(caught.value)) < 500
    assert all(request.url.host == "hub.example" for request in scripted.asked), "a redirect was followed"


def test_an_answer_without_end_is_not_read_to_its_end(scripted) -> None:
    read = []

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self):
            while True:
                read.append(1)
                yield b" " * 2**20

    scripted.api = [lambda _: httpx.Response(200, stream=Endless())] * 20
    with pytest.raises(Misbehaving, match="longer than 16 MiB"):
        scripted.run(devices)
    assert len(read) == 17 * len(scripted.asked)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("x"),
        httpx.RemoteProtocolError("x"),
        httpx.WriteError("x"),
        httpx.LocalProtocolError("x"),
        HTML,
        httpx.Response(500, json={"message": "oops"}),
        httpx.Response(504),
        httpx.Response(503),
        httpx.Response(503, text="upstream connect error or disconnect/reset before headers"),
        httpx.Response(408),
        httpx.Response(200, html="<p>maybe</p>"),
        httpx.Response(201, json={}),
        httpx.Response(302, headers={"Location": "/"}),
    ],
    ids=str,
)
def test_a_submission_in_doubt_is_never_repeated(scripted, answer) -> None:
    scripted.api = [answer]
    with pytest.raises(AnswerLost):
        scripted.run(submit)
    assert len(scripted.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("x"),
        httpx.ConnectTimeout("x"),
        httpx.PoolTimeout("x"),
        httpx.ProxyError("x"),
        httpx.Response(429),
        httpx.Response(503, headers={"Retry-After": "1"}),
        httpx.Response(503, json={"message": "come back later"}),
    ],
    ids=str,
)
def test_a_submission_that_certainly_did_not_happen_is(scripted, data, answer) -> None:
    scripted.api = [answer, data({"id": "j1", "status": "PENDING"})]
    assert scripted.run(submit) == "j1"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [(httpx.ConnectError("refused"), Unreachable), (httpx.ReadError("cut"), AnswerLost)],
)
def test_no_operation_goes_on_for_ever(scripted, fake_time, fault, expected) -> None:
    start = fake_time.now
    scripted.api = [fault] * 1000
    with pytest.raises(expected):
        scripted.run(lambda cloud: cloud.device_cloud.reserve_download())
    assert 60 < fake_time.now - start <= 150


NOW = datetime(2026, 1, 31, 2, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sat, 31 Jan 2026 02:01:30 GMT", "date": format_datetime(NOW, usegmt=True)}, 90),
        ({"retry-after": "Sat, 31 Jan 2026 01:00:00 GMT", "date": format_datetime(NOW, usegmt=True)}, 0),
        ({"retry-after": "Sat, 99 Jan 2026 01:00:00 GMT"}, None),
    ],
)
def test_retry_after_has_two_forms(headers, seconds) -> None:
    assert retry_after_s(headers) == seconds


def test_a_date_without_the_servers_own_is_taken_by_our_clock() -> None:
    later = datetime.now(UTC) + timedelta(seconds=100)
    assert retry_after_s({"retry-after": format_datetime(later, usegmt=True)}) == pytest.approx(100, abs=5)


@pytest.mark.parametrize("id_", ["", ".", "..", "x" * 300])
def test_an_id_that_changes_the_path_is_refused(scripted, id_) -> None:
    with pytest.raises(Misbehaving):
        scripted.run(lambda cloud: cloud.device_cloud.job(id_))


def test_an_id_stays_one_segment() -> None:
    assert at("device-cloud", "jobs", "../../x?y#z ü\ud800") == "/api/device-cloud/jobs/..%2F..%2Fx%3Fy%23z%20%C3%BC%3F"


def test_what_the_server_says_back_is_masked(scripted) -> None:
    said = "bad key key-that-nobody-may-see for https://s.example/up?sig=abc123&x=1 " + "long " * 200
    scripted.api = [httpx.Response(400, json={"message": said, "errors": [{"code": "key-that-nobody-may-see"}]})]
    with pytest.raises(CloudError) as caught:
        scripted.run(devices)
    assert "nobody" not in str(caught.value) + repr(caught.value.__dict__)
    assert "abc123" not in str(caught.value)
    assert len(str(caught.value)) < 400
