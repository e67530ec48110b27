"""Starting, stopping, and what is refused before a socket is opened; keys and what must not be told."""

import logging
import signal
import socket
import sqlite3
import stat
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.errors import UsageError
from orchestrator.localcloud import runner
from orchestrator.localcloud.config import CloudConfig, load_or_make_key
from orchestrator.localcloud.server import running_server


def test_it_is_ready_when_it_begins_and_gone_when_it_ends(config: Any) -> None:
    threads = set(threading.enumerate())
    with running_server(config) as server:
        assert httpx.get(f"{server.base_url}/openapi.json").is_success
        assert httpx.get(f"{server.storage_url}/openapi.json").is_success
    for url in (server.base_url, server.storage_url):
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)
    left = {thread.name for thread in set(threading.enumerate()) - threads}
    assert not left & {"device-cloud", "device-lease"}


def test_a_job_that_runs_when_the_server_stops_is_ended(cloud: Any, executor: Any) -> None:
    executor.may_go.clear()
    job_id, _ = cloud.submit("one")
    cloud.wait(job_id, "RUNNING")
    # leaving the fixture's block joins the thread that measures, which looks at `stop` alone


def test_an_upload_under_way_does_not_hold_up_the_stop(config: Any, serve_cloud: Any, until: Any) -> None:
    with serve_cloud(config) as cloud:
        address = httpx.URL(cloud.data("POST", "/api/device-cloud/uploads")["url"])
        connection = socket.create_connection((address.host, address.port))
        head = f"PUT {address.raw_path.decode()} HTTP/1.1\r\nHost: x\r\nContent-Type: application/zip\r\n"
        connection.sendall(f"{head}Content-Length: 99\r\n\r\nhalf".encode())
        until(lambda: list((config.data_dir / "incoming").iterdir()))
        begun = time.monotonic()
    assert time.monotonic() - begun < config.stall_timeout_s / 2
    assert list((config.data_dir / "incoming").iterdir()) == []
    connection.close()


def test_answers_are_not_held_back_by_the_network_stack(cloud: Any) -> None:
    def took_s() -> float:
        begun = time.perf_counter()
        cloud.data("GET", "/api/device-cloud/devices")
        return time.perf_counter() - begun

    assert (
        statistics.median(took_s() for _ in range(50)) < 0.03
    )  # Nagle's algorithm with delayed acknowledgements makes it 0.04


@pytest.mark.parametrize("name", ["port", "storage_port"])
def test_a_port_that_is_taken_is_a_usage_error(config: Any, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port}"), running_server(replace(config, **{name: port})):
            pass


def test_ports_can_be_chosen(config: Any) -> None:
    with running_server(config) as server:
        ports = {"port": httpx.URL(server.base_url).port, "storage_port": httpx.URL(server.storage_url).port}
    with running_server(replace(config, **ports)) as again:
        assert again == server


def test_ipv6_works_where_it_exists(config: Any, serve_cloud: Any) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with serve_cloud(replace(config, host="::1")) as cloud:
        job_id, download_id = cloud.submit("one")
        cloud.wait(job_id)
        assert cloud.storage.get(cloud.download(download_id)["url"]).is_success


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_an_open_host_insists_on_a_key_that_somebody_chose(tmp_path: Path, host: str) -> None:
    with pytest.raises(UsageError, match="BENCH_CLOUD_API_KEY"):
        CloudConfig(data_dir=tmp_path, api_key="made", host=host)
    CloudConfig(data_dir=tmp_path, api_key="chosen", host=host, key_was_given=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_takes_any_key(tmp_path: Path, host: str) -> None:
    CloudConfig(data_dir=tmp_path, api_key="made", host=host)


@pytest.mark.parametrize("key", ["", " ", "a\nb", "clé", "a\x00"])
def test_a_key_that_no_header_can_carry_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(UsageError, match="ASCII"):
        CloudConfig(data_dir=tmp_path, api_key=key)


def test_the_folders_own_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "cloud"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_or_make_key(folder), range(16)))
    (key,) = keys
    assert len(key) >= 32
    assert [path.name for path in folder.iterdir()] == ["api-key"]
    assert stat.S_IMODE((folder / "api-key").stat().st_mode) == 0o600
    assert load_or_make_key(tmp_path / "other") != key


def test_nothing_in_the_data_folder_is_for_others_eyes(config: Any, serve_cloud: Any) -> None:
    config.data_dir.mkdir(mode=0o755)
    with serve_cloud(config) as cloud:
        cloud.wait(cloud.submit("one")[0])
        inside = list(config.data_dir.iterdir())
        assert {path.name for path in inside} >= {"cloud.db", "cloud.db-wal", "signing-key", "blobs", "scratch"}
        assert [path.name for path in inside if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: folder.write_text("a file"),
        lambda folder: (folder.mkdir(), (folder / "cloud.db").write_bytes(b"not a database" * 99)),
        lambda folder: (folder.mkdir(), (folder / "cloud.db").mkdir()),
        lambda folder: (folder.mkdir(), (folder / "blobs").write_text("a file")),
        lambda folder: (folder.mkdir(), set_version(folder / "cloud.db", 99)),
    ],
    ids=["file", "no-database", "folder-for-database", "file-for-folder", "other-version"],
)
def test_a_data_folder_that_cannot_be_used_is_a_usage_error(config: Any, spoil: Any) -> None:
    spoil(config.data_dir)
    with pytest.raises(UsageError, match=str(config.data_dir)), running_server(config):
        pass


def set_version(database: Path, version: int) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"pragma user_version = {version}")


def test_the_key_and_signed_urls_are_told_to_nobody(cloud: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        url = cloud.data("POST", "/api/device-cloud/uploads")["url"]
        cloud.storage.put(url, content=b"x", headers={"Content-Type": "application/zip"})
        cloud.wait(cloud.submit("one", downloads_url_txt="http://h/downloads/x?signature=abc")[0])
    assert not logging.getLogger("uvicorn.access").propagate  # reaches no handler but this test's own
    records = [record for record in caplog.records if not record.name.startswith(("http", "uvicorn.access"))]
    ours = "\n".join(record.getMessage() for record in records)
    assert "nowhere to go" in ours
    assert "signature=" not in ours
    assert cloud.config.api_key not in ours + repr(cloud.config)


def test_a_broken_disk_makes_the_queue_begin_again(
    cloud: Any, executor: Any, until: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runner, "AGAIN_S", 0.01)
    broken = cloud.config.data_dir / "scratch"
    broken.rmdir()
    broken.write_text("not a folder")
    job_id, _ = cloud.submit("one")
    until(lambda: "begins again" in caplog.text)
    broken.unlink()
    broken.mkdir()
    assert cloud.wait(job_id)["completedAt"]
    assert cloud.wait(cloud.submit("one")[0])["result"] == "PASSED"


def test_a_fault_of_ours_ends_its_job_and_not_the_queue(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RecursionError

    monkeypatch.setattr(runner, "AGAIN_S", 0.01)
    with monkeypatch.context() as faulty:
        faulty.setattr(runner, "read_results", fail)
        assert cloud.wait(cloud.submit("one")[0])["result"] == "ERRORED"
    assert cloud.wait(cloud.submit("one")[0])["result"] == "PASSED"


SERVE = """
import sys
from pathlib import Path
from orchestrator.localcloud.config import CloudConfig, load_or_make_key
from orchestrator.localcloud.server import serve

data = Path(sys.argv[1])
serve(CloudConfig(data_dir=data, api_key=load_or_make_key(data)))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_where_it_listens_and_stops_at_a_signal(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-c", SERVE, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        told = [process.stdout.readline(), process.stdout.readline()]
        url = told[0].split()[5]
        assert httpx.get(f"{url}/api/device-cloud/devices").status_code == 401
        headers = {"Authorization": f"Bearer {(tmp_path / 'api-key').read_text().strip()}"}
        assert httpx.get(f"{url}/api/device-cloud/devices", headers=headers).json()["data"]
        process.send_signal(number)
        assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0
    assert told[1] == f"its key is in {tmp_path / 'api-key'}\n"
