"""What outlives the server: everything it answered for, however it went."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

# Serves until it is killed; the measurement counts its calls in a file and hangs until there is a file "go".
SERVER = """
import sys, time
from pathlib import Path
from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.server import serve
from orchestrator.protocol.device_cloud import Device

data, results = Path(sys.argv[1]), Path(sys.argv[2])

def execute(order, scratch, *, stop=None):
    with (data / "calls").open("a") as calls:
        calls.write(order.device_name + chr(10))
    while not (data / "go").exists() and not stop.is_set():
        time.sleep(0.01)
    (scratch / "results.zip").write_bytes(results.read_bytes())
    return scratch / "results.zip"

devices = tuple(Device(name=name, platform="ANDROID") for name in ("one", "two"))
serve(CloudConfig(data_dir=data, api_key="key", key_was_given=True, execute=execute, devices=lambda: devices))
"""


class Served:
    """A server process on the test's data folder."""

    def __init__(self, data_dir: Path, results: Path, until: Callable[..., Any]) -> None:
        self.data_dir = data_dir
        self._until = until
        command = [sys.executable, "-c", SERVER, str(data_dir), str(results)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        url = self.process.stdout.readline().split(" ")[5]
        self.api = httpx.Client(base_url=url, headers={"Authorization": "Bearer key"})

    def data(self, method: str, path: str, **arguments: Any) -> Any:
        response = self.api.request(method, f"/api/device-cloud/{path}", **arguments)
        assert response.is_success, response.text
        return response.json()["data"]

    def submit(self, device: str, make_bundle: Callable[..., bytes]) -> tuple[str, str]:
        download, upload = self.data("POST", "downloads"), self.data("POST", "uploads")
        bundle = make_bundle(download["url"])
        assert httpx.put(upload["url"], content=bundle, headers={"Content-Type": "application/zip"}).is_success
        job = self.data("POST", "jobs", json={"modelUploadId": upload["id"], "deviceName": device})
        return job["id"], download["id"]

    def wait(self, job_id: str, status: str) -> Any:
        return self._until(lambda: job if (job := self.data("GET", f"jobs/{job_id}"))["status"] == status else None)

    def calls(self) -> list[str]:
        path = self.data_dir / "calls"
        return path.read_text().split() if path.exists() else []

    def end(self, *, kill: bool) -> None:
        self.api.close()
        self.process.kill() if kill else self.process.terminate()
        out, errors = self.process.communicate(timeout=30)
        assert (self.process.returncode, errors, out) == ((-9 if kill else 0), "", "")


@pytest.fixture
def start(tmp_path: Path, until: Any, make_results: Any) -> Any:
    """Starts a server process; all of a test are on one folder."""
    results = tmp_path / "results.zip"
    results.write_bytes(make_results())
    started: list[Served] = []

    def begin() -> Served:
        started.append(Served(tmp_path / "data", results, until))
        return started[-1]

    yield begin
    for served in started:
        if served.process.poll() is None:
            served.process.kill()
            served.process.communicate()
        served.api.close()


@pytest.mark.parametrize("kill", [False, True], ids=["SIGTERM", "SIGKILL"])
def test_a_queue_goes_on_after_the_server_was_stopped(start: Any, make_bundle: Any, kill: bool) -> None:
    server = start()
    jobs = [server.submit(device, make_bundle) for device in ("one", "two", "one")]
    server.wait(jobs[0][0], "RUNNING")
    server.end(kill=kill)

    (server.data_dir / "go").touch()
    server = start()
    for job_id, download_id in jobs:
        assert server.wait(job_id, "COMPLETED")["result"] == "PASSED"
        assert server.data("GET", f"downloads/{download_id}")["status"] == "SUCCEEDED"
    assert server.calls() == ["one", "one", "two", "one"]  # the first was cut short, and is measured again
    server.end(kill=False)


def test_a_job_under_which_the_server_dies_again_and_again_is_given_up(start: Any, make_bundle: Any) -> None:
    server = start()
    job_id, download_id = server.submit("one", make_bundle)
    other_id, _ = server.submit("two", make_bundle)
    for _ in range(2):
        server.wait(job_id, "RUNNING")
        server.end(kill=True)
        server = start()
    assert server.wait(job_id, "COMPLETED")["result"] == "ERRORED"
    assert server.data("GET", f"downloads/{download_id}")["status"] == "PENDING"
    (server.data_dir / "go").touch()
    assert server.wait(other_id, "COMPLETED")["result"] == "PASSED"


def test_a_job_is_not_given_up_because_the_server_was_stopped_often(start: Any, make_bundle: Any) -> None:
    server = start()
    job_id, _ = server.submit("one", make_bundle)
    for kill in (False, False, True):
        server.wait(job_id, "RUNNING")
        server.end(kill=kill)
        server = start()
    (server.data_dir / "go").touch()
    assert server.wait(job_id, "COMPLETED")["result"] == "PASSED"


def test_everything_that_was_answered_for_is_there_after_a_restart(config: Any, serve_cloud: Any) -> None:
    with serve_cloud(config) as cloud:
        run = cloud.make_run(name="nightly")
        body = {"runId": run.rsplit("/", 1)[1], "fileName": "a", "fileSize": 3}
        artifact = f"/api/artifacts/{cloud.data('POST', '/api/artifacts', json=body)['id']}"
        job_id, download_id = cloud.submit("one")
        job = cloud.wait(job_id)
        url = cloud.download(download_id)["url"]
    with serve_cloud(config) as cloud:
        assert cloud.data("GET", run)["name"] == "nightly"
        assert cloud.job(job_id) == job
        assert cloud.data("POST", f"{artifact}/upload-url")["maxSize"] == "3"
        moved = httpx.URL(url).copy_with(port=httpx.URL(cloud.storage_url).port)
        assert cloud.storage.get(moved).status_code == 200  # signatures hold, wherever the storage is now


def test_what_a_crash_left_half_done_is_removed(config: Any, serve_cloud: Any, executor: Any) -> None:
    with serve_cloud(config) as cloud:
        job_id, download_id = cloud.submit("one")
        cloud.wait(job_id)
    for place in ("incoming/half", "blobs/0123456789abcdef0123456789abcdef", "scratch/old/model"):
        path = config.data_dir / place
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    with serve_cloud(config) as cloud:
        left = [path for folder in ("incoming", "scratch") for path in (config.data_dir / folder).iterdir()]
        assert left == []
        assert len(list((config.data_dir / "blobs").iterdir())) == 2  # the bundle and the results
        assert cloud.storage.get(cloud.download(download_id)["url"]).content == executor.results


@pytest.mark.parametrize(
    ("status", "starts", "result", "expected", "measured"),
    [
        ("PENDING", 0, None, "PASSED", 2),
        ("PENDING_DEVICE", 0, None, "PASSED", 2),
        ("PREPARING", 1, None, "PASSED", 2),
        ("RUNNING", 1, None, "PASSED", 2),
        ("RUNNING", 2, None, "ERRORED", 1),
        ("STOPPING", 1, "FAILED", "FAILED", 1),
    ],
)
def test_each_status_has_its_way_on_after_a_crash(
    config: Any,
    executor: Any,
    serve_cloud: Any,
    status: str,
    starts: int,
    result: str | None,
    expected: str,
    measured: int,
) -> None:
    with serve_cloud(config) as cloud:
        job_id, _ = cloud.submit("one")
        cloud.wait(job_id)
    engine = sa.create_engine(f"sqlite:///{config.data_dir / 'cloud.db'}")
    with engine.begin() as connection:
        setting = sa.text("update jobs set status=:status, starts=:starts, result=:result, completed_at=null")
        connection.execute(setting, {"status": status, "starts": starts, "result": result})
    engine.dispose()
    with serve_cloud(config) as cloud:
        assert cloud.wait(job_id)["result"] == expected
    assert len(executor.orders) == measured
