"""The device cloud's calls, as protocol "Device cloud" has them."""

import logging

import pytest

from orchestrator.domain.device import Device, Platform
from orchestrator.domain.job import Phase

PHONE = {"name": "A phone", "os": "Android 14", "vendor": "V", "platform": "ANDROID", "type": "PHONE"}


def url_of(request):
    return f"{request.method} {request.url.raw_path.decode()}"


def test_devices_come_in_the_clouds_order(scripted, data) -> None:
    cpu = {"architecture": "arm64", "frequency": 3.2, "clock": "GHz", "cores": 8}
    scripted.api = [data([{**PHONE, "cpu": cpu}, {"name": "iP", "platform": "IOS", "new": 1, "cpu": None}])]
    assert scripted.run(lambda cloud: cloud.device_cloud.devices()) == (
        Device(
            name="A phone", platform=Platform.ANDROID, os="Android 14", vendor="V", type="PHONE", cpu="arm64 3.2 GHz"
        ),
        Device(name="iP", platform=Platform.IOS),
    )
    assert url_of(scripted.asked[0]) == "GET /base/api/device-cloud/devices"


@pytest.mark.parametrize(
    ("told", "taken"),
    [({}, ["tflite"]), ({"modelFormats": ["tflite", "coreml"]}, ["tflite"]), ({"modelFormats": None}, ["tflite"]),
     ({"modelFormats": ["onnx", "tflite"]}, ["onnx", "tflite"])],
)  # fmt: skip
def test_a_device_that_does_not_say_takes_tflite_alone(scripted, data, told, taken) -> None:
    scripted.api = [data([PHONE | told])]
    (device,) = scripted.run(lambda cloud: cloud.device_cloud.devices())
    assert [format for format in ("onnx", "tflite") if device.takes(format)] == taken


@pytest.mark.parametrize(
    "odd",
    [{**PHONE, "platform": "HARMONY"}, {**PHONE, "name": " "}, {**PHONE, "name": "x" * 300}, PHONE],
    ids=["another platform", "no name", "no end of a name", "twice"],
)
def test_odd_devices_are_left_out(scripted, data, odd) -> None:
    scripted.api = [data([PHONE, odd, {**PHONE, "name": "B"}])]
    assert [device.name for device in scripted.run(lambda cloud: cloud.device_cloud.devices())] == ["A phone", "B"]


def test_a_device_says_nothing_that_moves_the_cursor_but_keeps_its_name(scripted, data) -> None:
    scripted.api = [data([{**PHONE, "name": "\x1b[2J", "os": "1\x1b[2J\n4", "vendor": "v" * 10_000}])]
    (device,) = scripted.run(lambda cloud: cloud.device_cloud.devices())
    assert device.name == "\x1b[2J", "jobs are submitted with it"
    assert (device.os, len(device.vendor)) == ("1 [2J 4", 300)


def test_more_devices_than_there_can_be_are_cut(scripted, data) -> None:
    scripted.api = [data([{"name": str(number), "platform": "IOS"} for number in range(10_100)])]
    assert len(scripted.run(lambda cloud: cloud.device_cloud.devices())) == 10_000


def test_a_download_is_reserved_without_a_body(scripted, data) -> None:
    scripted.api = [data({"id": "d1", "url": "https://s.example/d?sig=secret", "status": "CREATED"}, 201)]
    reservation = scripted.run(lambda cloud: cloud.device_cloud.reserve_download())
    assert (reservation.id, reservation.url.reveal()) == ("d1", "https://s.example/d?sig=secret")
    assert "secret" not in repr(reservation)
    assert (url_of(scripted.asked[0]), scripted.asked[0].content) == ("POST /base/api/device-cloud/downloads", b"")


@pytest.mark.parametrize(
    ("platform", "body"), [(Platform.ANDROID, b""), (Platform.IOS, b'{"type": "APPIUM_PYTHON_TEST_PACKAGE"}')]
)
def test_an_upload_is_typed_by_its_platform(scripted, data, platform, body) -> None:
    scripted.api = [data({"id": "u1", "url": "https://s.example/u?sig=secret", "createdAt": "2026-01-31T02:00:00Z"})]
    upload = scripted.run(lambda cloud: cloud.device_cloud.create_upload(platform))
    assert upload.id == "u1"
    assert (url_of(scripted.asked[0]), scripted.asked[0].content) == ("POST /base/api/device-cloud/uploads", body)


WAITING = ["PENDING", "PENDING_CONCURRENCY", "PENDING_DEVICE", "SCHEDULING"]
ACTIVE = ["PREPARING", "PROCESSING", "RUNNING", "STOPPING"]


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        *((status, Phase.WAITING) for status in WAITING),
        *((status, Phase.ACTIVE) for status in [*ACTIVE, "REBOOTING", "completed", ""]),
        ("COMPLETED", Phase.FINAL),
    ],
)
def test_a_jobs_status_has_a_phase(scripted, data, status, phase) -> None:
    scripted.api = [data({"id": "j1", "status": status, "createdAt": "2026-01-31T02:00:00Z"})]
    view = scripted.run(lambda cloud: cloud.device_cloud.job("j1"))
    assert (view.status, view.phase, view.verdict) == (status, phase, "")
    assert url_of(scripted.asked[0]) == "GET /base/api/device-cloud/jobs/j1"


def test_a_verdict_is_kept(scripted, data) -> None:
    scripted.api = [data({"id": "j1", "status": "COMPLETED", "result": "ERRORED", "completedAt": None})]
    assert scripted.run(lambda cloud: cloud.device_cloud.job("j1")).verdict == "ERRORED"


def test_an_unknown_status_is_logged_once(scripted, data, caplog) -> None:
    caplog.set_level(logging.WARNING)
    scripted.api = [data({"id": "j1", "status": status}) for status in ["NEW\n\x1b", "NEW\n\x1b", "NEWER", "RUNNING"]]

    async def look(cloud):
        return [(await cloud.device_cloud.job("j1")).status for _ in range(4)]

    assert scripted.run(look) == ["NEW", "NEW", "NEWER", "RUNNING"]
    assert [record.getMessage().split("'")[1] for record in caplog.records] == ["NEW", "NEWER"]


@pytest.mark.parametrize(("status", "ready"), [("SUCCEEDED", True), ("CREATED", False), ("", False), ("NEW", False)])
def test_a_download_is_ready_by_one_word(scripted, data, status, ready) -> None:
    scripted.api = [data({"id": "d1", "url": "https://s.example/d?sig=secret", "status": status})]
    view = scripted.run(lambda cloud: cloud.device_cloud.download("d1"))
    assert (view.ready, view.status) == (ready, status)
    assert url_of(scripted.asked[0]) == "GET /base/api/device-cloud/downloads/d1"
    assert "secret" not in repr(view)


def test_a_jobs_artifacts_have_a_url(scripted, data) -> None:
    scripted.api = [data({"jobId": "j1", "url": "https://s.example/a?sig=secret", "extension": "zip"})]
    url = scripted.run(lambda cloud: cloud.device_cloud.artifacts_url("j1"))
    assert url.reveal() == "https://s.example/a?sig=secret"
    assert url_of(scripted.asked[0]) == "GET /base/api/device-cloud/jobs/j1/artifacts"
