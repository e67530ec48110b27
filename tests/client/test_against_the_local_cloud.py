"""A whole job over real sockets, against the other end of the wire; who measures is replaced, the wire is not."""

import asyncio
import logging
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.client.cloud import build_bundle, open_cloud, read_outcome
from orchestrator.client.settings import CloudSettings
from orchestrator.domain.device import Platform
from orchestrator.domain.model import Model, ModelFormat
from orchestrator.domain.outcome import Measured
from orchestrator.domain.secret import Secret
from orchestrator.errors import KeyRefused, QuotaExceeded, Refused, StorageRefused
from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.server import running_server
from orchestrator.protocol.device_cloud import Device

KEY = "key-that-nobody-may-see"
LOG = "count=2 curr=9(all same)\ncount=50 first=12 curr=12 min=12 max=15 avg=12.5 std=1\n"
DEVICES = (Device(name="bench-1", platform="ANDROID"), Device(name="bench-1-ios", platform="IOS"))
AT = datetime(2026, 1, 31, tzinfo=UTC)


def measure(order, scratch: Path, *, stop=None) -> Path:
    results = scratch / "results.zip"
    with zipfile.ZipFile(results, "w") as archive:
        archive.writestr("deep/in/tflite-logs.txt", f"Num threads: [{order.params['num_threads']}]\n{LOG}")
    return results


@pytest.fixture
def served(tmp_path):
    def serve(**config):
        config = {"execute": measure, "devices": lambda: DEVICES, "ios_linger_s": 0.2, **config}
        return running_server(CloudConfig(data_dir=tmp_path / "cloud", api_key=KEY, **config))

    return serve


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"TFL3" * 1000)
    return Model(
        name="m",
        path=path,
        format=ModelFormat.TFLITE,
        sha256="",
        size_bytes=4000,
        inputs=(),
        outputs=(),
        operators={},
    )


def use(base_url: str, work, key: str = KEY):
    async def main():
        async with open_cloud(CloudSettings(base_url=base_url, api_key=Secret(key))) as cloud:
            return await work(cloud)

    return asyncio.run(main())


@pytest.mark.parametrize("upload_mode", ["SIGNED_URL", "API"])
@pytest.mark.parametrize("platform", list(Platform))
def test_a_job_from_its_reservation_to_its_tracked_run(served, model, tmp_path, caplog, platform, upload_mode) -> None:
    caplog.set_level(logging.DEBUG)
    signed: list[Secret] = []

    async def job(cloud):
        device = next(device for device in await cloud.device_cloud.devices() if device.platform is platform)
        project = await cloud.hub.project_id("vision")
        assert await cloud.hub.project_id("vision") == project
        reservation = await cloud.device_cloud.reserve_download()
        upload = await cloud.device_cloud.create_upload(platform)
        signed.extend([reservation.url, upload.url])
        bundle = tmp_path / "bundle.zip"
        build_bundle(model, {"num_threads": "3"}, downloads_url=reservation.url, platform=platform, to=bundle)
        await cloud.device_cloud.send_bundle(upload, bundle)
        job_id = await cloud.device_cloud.submit(upload.id, device.name)
        while not (view := await cloud.device_cloud.download(reservation.id)).ready:
            await asyncio.sleep(0.02)
        fetched = await cloud.device_cloud.fetch_results(view.url, tmp_path / "results.zip")
        while (await cloud.device_cloud.job(job_id)).status != "COMPLETED":
            await asyncio.sleep(0.02)
        again = await cloud.device_cloud.artifacts_url(job_id)
        assert await cloud.device_cloud.fetch_results(again, tmp_path / "again.zip") == fetched.__class__(
            path=tmp_path / "again.zip", sha256=fetched.sha256, size_bytes=fetched.size_bytes
        )
        outcome = read_outcome(fetched.path, tmp_path)
        run = await cloud.hub.create_run(project, name="a job", started_at=AT)
        await cloud.hub.tag(project, run, "team", "vision")
        artifact = await cloud.hub.create_artifact(run, "results.zip", fetched.size_bytes)
        await cloud.hub.send_artifact(artifact, fetched.path)
        await cloud.hub.mark_artifact(artifact, uploaded=True)
        assert not await cloud.hub.is_complete(project, run)
        measurement = outcome.measurement
        await cloud.hub.complete(project, run, status="FINISHED", ended_at=AT, measurement=measurement, device="d")
        assert await cloud.hub.is_complete(project, run)
        await cloud.hub.delete_artifact(artifact)
        await cloud.hub.delete_artifact(artifact)
        return outcome

    with served(upload_mode=upload_mode) as server:
        outcome = use(server.base_url, job)
    assert isinstance(outcome, Measured)
    assert outcome.measurement.conditions["threads"] == "3"
    assert KEY not in caplog.text
    for url in signed:
        assert url.reveal() not in caplog.text
        assert url.reveal().partition("?")[2] not in caplog.text


def test_a_wrong_key_is_refused(served) -> None:
    with served() as server, pytest.raises(KeyRefused):
        use(server.base_url, lambda cloud: cloud.device_cloud.devices(), key="another-key")


def test_quotas_and_unknown_things_are_told_apart(served, tmp_path) -> None:
    big = tmp_path / "big"
    big.write_bytes(bytes(5000))

    async def ask(cloud):
        project = await cloud.hub.project_id("vision")
        run = await cloud.hub.create_run(project, name="n", started_at=AT)
        with pytest.raises(QuotaExceeded) as caught:
            await cloud.hub.create_artifact(run, "big", 5000)
        assert caught.value.code == "file_too_large"
        with pytest.raises(Refused) as refused:
            await cloud.device_cloud.job("no-such-job")
        assert refused.value.status == 404
        upload = await cloud.device_cloud.create_upload(Platform.ANDROID)
        with pytest.raises(StorageRefused) as too_large:
            await cloud.device_cloud.send_bundle(upload, big)
        assert too_large.value.status == 413

    with served(max_upload_bytes=1000) as server:
        use(server.base_url, ask)


def test_an_expired_url_is_refused(served, tmp_path) -> None:
    async def ask(cloud):
        upload = await cloud.device_cloud.create_upload(Platform.ANDROID)
        await asyncio.sleep(1.1)
        (tmp_path / "bundle.zip").write_bytes(b"zip")
        with pytest.raises(StorageRefused) as caught:
            await cloud.device_cloud.send_bundle(upload, tmp_path / "bundle.zip")
        assert caught.value.status == 403

    with served(url_ttl_s=0.05) as server:
        use(server.base_url, ask)
