"""Bodies that are large, slow, broken off, or come many at once."""

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

ZIP = {"Content-Type": "application/zip"}
MIB = 2**20

SERVER = """
import sys
from pathlib import Path
from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.server import running_server

def status(name):
    return next(line.split()[1] for line in open("/proc/self/status") if line.startswith(name))

with running_server(CloudConfig(data_dir=Path(sys.argv[1]), api_key="key", devices=tuple)) as server:
    print(server.base_url, flush=True)
    for _ in sys.stdin:
        print(status("VmHWM:"), flush=True)
"""


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Any]:
    """A server in a process of its own, which tells its peak memory in KiB for every line it is sent."""
    command = [sys.executable, "-c", SERVER, str(tmp_path / "cloud")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.stdin.close()
        assert process.wait(10) == 0


def peak_kib(child: Any) -> int:
    child.stdin.write("\n")
    child.stdin.flush()
    return int(child.stdout.readline())


def test_memory_stays_flat_while_300_mb_come_in_and_go_out(child: Any) -> None:
    base_url = child.stdout.readline().strip()
    headers = {"Authorization": "Bearer key"}
    download = httpx.post(f"{base_url}/api/device-cloud/downloads", headers=headers).json()["data"]
    before = peak_kib(child)
    block = bytes(range(256)) * 4096
    assert httpx.put(download["url"], content=(block for _ in range(300)), timeout=60).status_code == 200

    ready = httpx.get(f"{base_url}/api/device-cloud/downloads/{download['id']}", headers=headers).json()["data"]
    with httpx.stream("GET", ready["url"], timeout=60) as response:
        assert response.headers["content-length"] == str(300 * MIB)
        assert sum(len(chunk) for chunk in response.iter_bytes()) == 300 * MIB
    assert peak_kib(child) - before < 24 * 1024


def half_a_put(url: str, sent: bytes) -> socket.socket:
    """A connection on which less was sent than was announced."""
    parts = httpx.URL(url)
    connection = socket.create_connection((parts.host, parts.port), timeout=5)
    lines = [f"PUT {parts.raw_path.decode()} HTTP/1.1", "Host: x", "Content-Type: application/zip"]
    connection.sendall("\r\n".join([*lines, "Content-Length: 9999", "", ""]).encode() + sent)
    return connection


def files_in(cloud: Any, folder: str) -> list[Path]:
    return list((cloud.config.data_dir / folder).iterdir())


def test_an_upload_that_breaks_off_leaves_nothing(cloud: Any, until: Any) -> None:
    upload = cloud.data("POST", "/api/device-cloud/uploads")
    connection = half_a_put(upload["url"], b"half")
    until(lambda: files_in(cloud, "incoming"))
    connection.close()
    until(lambda: not files_in(cloud, "incoming"))
    assert files_in(cloud, "blobs") == []
    body = {"modelUploadId": upload["id"], "deviceName": "one"}
    assert cloud.api.post("/api/device-cloud/jobs", json=body).status_code == 409
    assert cloud.storage.put(upload["url"], content=b"whole", headers=ZIP).status_code == 200


def test_an_upload_that_falls_silent_is_408(config: Any, serve_cloud: Any) -> None:
    with serve_cloud(replace(config, stall_timeout_s=0.2)) as cloud:
        with half_a_put(cloud.data("POST", "/api/device-cloud/uploads")["url"], b"half") as connection:
            assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert files_in(cloud, "incoming") == []


def test_a_slow_upload_that_keeps_coming_succeeds(config: Any, serve_cloud: Any) -> None:
    def slowly() -> Iterator[bytes]:
        for _ in range(4):
            time.sleep(0.4)
            yield b"x"

    with serve_cloud(replace(config, stall_timeout_s=1.2)) as cloud:
        url = cloud.data("POST", "/api/device-cloud/uploads")["url"]
        assert cloud.storage.put(url, content=slowly(), headers=ZIP).status_code == 200


def test_others_are_answered_while_an_upload_hangs(cloud: Any) -> None:
    with half_a_put(cloud.data("POST", "/api/device-cloud/uploads")["url"], b"half"):
        assert cloud.wait(cloud.submit("one")[0])["result"] == "PASSED"


def test_a_download_that_breaks_off_lets_its_file_go(cloud: Any, until: Any) -> None:
    download = cloud.data("POST", "/api/device-cloud/downloads")
    assert cloud.storage.put(download["url"], content=b"x" * 64 * MIB).status_code == 200
    url = cloud.download(download["id"])["url"]
    with cloud.storage.stream("GET", url) as response:
        blocks = response.iter_bytes()  # kept: httpx ends the transfer when its iterator is forgotten
        next(blocks)
        until(lambda: open_blobs(cloud))
    until(lambda: not open_blobs(cloud))


def open_blobs(cloud: Any) -> list[str]:
    """The stored files that this process (the server is in it) holds open."""
    links = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(link.readlink()))
        except FileNotFoundError:  # closed since it was listed
            continue
    return [link for link in links if link.startswith(str(cloud.config.data_dir / "blobs"))]


def test_a_refused_body_is_not_stored_and_the_answer_arrives(config: Any, serve_cloud: Any) -> None:
    with serve_cloud(replace(config, max_upload_bytes=MIB)) as cloud:
        url = cloud.data("POST", "/api/device-cloud/uploads")["url"]
        for content in (b"x" * 40 * MIB, (b"x" * MIB for _ in range(40))):
            assert cloud.storage.put(url, content=content, headers=ZIP).status_code == 413
        assert files_in(cloud, "incoming") == files_in(cloud, "blobs") == []


@pytest.mark.parametrize(
    ("limits", "status"), [({"max_upload_bytes": 9998}, 413), ({"storage_quota_bytes": 9998}, 409)]
)
def test_what_is_announced_too_large_is_refused_before_it_comes(
    config: Any, serve_cloud: Any, limits: dict[str, int], status: int
) -> None:
    with (
        serve_cloud(replace(config, **limits)) as cloud,
        half_a_put(cloud.data("POST", "/api/device-cloud/uploads")["url"], b"") as connection,
    ):
        assert connection.recv(1000).startswith(f"HTTP/1.1 {status} ".encode())


def test_many_clients_at_once(cloud: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda at: cloud.submit(("one", "two", "one-ios")[at % 3])[0], range(12)))
    assert {cloud.wait(job)["result"] for job in jobs} == {"PASSED"}


def test_ids_and_names_on_disk_are_the_clouds_own(cloud: Any) -> None:
    cloud.submit("one")
    names = [path.name for path in files_in(cloud, "blobs")]
    assert names
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)


def test_two_puts_to_one_upload_at_once_leave_one_of_them_whole(cloud: Any) -> None:
    url = cloud.data("POST", "/api/device-cloud/uploads")["url"]
    gate = threading.Barrier(2)

    def body(letter: bytes) -> Iterator[bytes]:
        yield letter * MIB
        gate.wait(5)
        yield letter * MIB

    with ThreadPoolExecutor(2) as pool:
        puts = [pool.submit(cloud.storage.put, url, content=body(letter), headers=ZIP) for letter in (b"a", b"b")]
        assert [put.result().status_code for put in puts] == [200, 200]
    (path,) = files_in(cloud, "blobs")
    assert path.read_bytes() in (b"a" * 2 * MIB, b"b" * 2 * MIB)
