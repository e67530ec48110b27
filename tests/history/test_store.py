"""The store, in a folder and in a bucket of a real S3 server: the same promises."""

import asyncio
import hashlib
import os
import resource
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from orchestrator.errors import NotStored, StoreError, UsageError
from orchestrator.history.store import Store, checked_name, open_store

CONTENT = os.urandom(9_000_001)  # more than one block of a bucket's file
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SECRET = "not-for-your-eyes"
KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of an S3 server on this computer, which has the bucket `bench`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "bench", "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=url, **keys).create_bucket(Bucket="bench")
    yield url
    server.stop()


@pytest.fixture
def s3(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment that leads to the server."""
    environ = {**KEYS, "AWS_ENDPOINT_URL": endpoint}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return environ


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return asyncio.run(open_store((tmp_path / "the store").as_uri(), {}))
    environ = request.getfixturevalue("s3")
    return asyncio.run(open_store(f"s3://bench/{tmp_path.name}", environ))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


def test_what_is_put_in_comes_out_the_same(store: Store, file: Path, tmp_path: Path) -> None:
    kept = asyncio.run(store.put("a/b c/ü%#.bin", file))
    asyncio.run(store.fetch("a/b c/ü%#.bin", tmp_path / "new" / "copy", sha256=kept.sha256))
    assert (tmp_path / "new" / "copy").read_bytes() == CONTENT
    assert (kept.sha256, kept.size_bytes) == (SHA256, len(CONTENT))
    assert kept.uri.startswith(("file:///", "s3://bench/"))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["copy"]


def test_it_knows_what_it_has(store: Store, file: Path) -> None:
    async def walk() -> None:
        assert await store.names("models") == ()
        assert not await store.has("models/1/m.onnx")
        for name in ("models/2/m.onnx", "models/1/m.onnx", "other/m.onnx"):
            await store.put(name, file)
        assert await store.size("models/1/m.onnx") == len(CONTENT)
        assert await store.names("models") == ("models/1/m.onnx", "models/2/m.onnx")
        await store.remove("models/1/m.onnx")
        await store.remove("models/1/m.onnx")
        assert await store.names("models") == ("models/2/m.onnx",)
        assert not await store.has("models/1")

    asyncio.run(walk())


def test_putting_again_replaces_the_whole_file(store: Store, file: Path, tmp_path: Path) -> None:
    asyncio.run(store.put("a", file))
    file.write_bytes(b"less")
    asyncio.run(store.put("a", file))
    asyncio.run(store.fetch("a", tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == b"less"


def test_an_empty_file_is_a_file(store: Store, file: Path, tmp_path: Path) -> None:
    file.write_bytes(b"")
    asyncio.run(store.put("empty", file))
    asyncio.run(store.fetch("empty", tmp_path / "copy", sha256=hashlib.sha256(b"").hexdigest()))
    assert (tmp_path / "copy").read_bytes() == b""


def test_another_content_than_was_asked_for_does_not_come_out(store: Store, file: Path, tmp_path: Path) -> None:
    asyncio.run(store.put("a", file))
    (tmp_path / "copy").write_bytes(b"as it was")
    with pytest.raises(NotStored, match="a in the store is damaged: it is not what was put there"):
        asyncio.run(store.fetch("a", tmp_path / "copy", sha256="0" * 64))
    assert (tmp_path / "copy").read_bytes() == b"as it was"
    assert not list(tmp_path.glob("*.unfinished"))


def test_what_is_not_there_is_said(store: Store, file: Path, tmp_path: Path) -> None:
    with pytest.raises(NotStored, match="nothing is not in the store"):
        asyncio.run(store.fetch("nothing", tmp_path / "copy"))
    with pytest.raises(StoreError, match="gone cannot be kept: No such file or directory"):
        asyncio.run(store.put("a", tmp_path / "gone"))
    assert not asyncio.run(store.has("a"))


@pytest.mark.parametrize("name", ["", "/abs", "a//b", "../a", "a/../b", ".", "a/.", "a\\b", "a\nb", "a" * 256])
def test_a_name_cannot_lead_out_of_the_store(store: Store, name: str, file: Path) -> None:
    for work in (store.put(name, file), store.fetch(name, file), store.size(name), store.remove(name)):
        with pytest.raises(StoreError, match="is no name for a file in the store"):
            asyncio.run(work)
    assert file.read_bytes() == CONTENT


@given(st.text("./\\a ü\n", max_size=8))
def test_a_name_that_passes_stays_below_its_folder(name: str) -> None:
    try:
        checked_name(name)
    except StoreError:
        return
    root = Path("/store")
    assert Path(os.path.normpath(root / name)).relative_to(root).as_posix() == name


def test_a_full_disk_leaves_nothing_behind(file: Path, tmp_path: Path) -> None:
    store = asyncio.run(open_store(str(tmp_path / "store"), {}))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(StoreError, match=r"cannot be kept: File too large .*BENCH_STORE_URL names another"):
            asyncio.run(store.put("a", file))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not any(path.is_file() for path in (tmp_path / "store").rglob("*"))


def test_a_folder_that_cannot_be_made_is_a_mistake_of_the_settings(file: Path) -> None:
    with pytest.raises(UsageError, match="cannot be made: Not a directory; BENCH_STORE_URL names another"):
        asyncio.run(open_store(str(file / "store"), {}))


@pytest.mark.parametrize(
    ("url", "environ", "says"),
    [
        ("ftp://user:pass@host/x", KEYS, "BENCH_STORE_URL is no store: expected"),
        ("file://elsewhere/folder", {}, "BENCH_STORE_URL is no store: expected"),
        (f"s3://user:{SECRET}@bench/x", KEYS, "is no bucket: .* keys belong in the AWS_"),
        ("s3://[", KEYS, "is no bucket"),
        ("s3://bench", {}, "needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role, in the environment"),
        ("s3://bench", {**KEYS, "AWS_ENDPOINT_URL": "http://[x"}, "AWS_ENDPOINT_URL is no plain http"),
        ("s3://bench", {**KEYS, "AWS_ENDPOINT_URL": f"http://u:{SECRET}@127.0.0.1"}, "AWS_ENDPOINT_URL is no plain"),
        ("s3://bench", {**KEYS, "AWS_ENDPOINT_URL": "http://192.0.2.1:9000"}, "cross the network unencrypted"),
    ],
)
def test_a_wrong_setting_is_said_without_repeating_it(url: str, environ: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says) as raised:
        asyncio.run(open_store(url, environ))
    assert SECRET not in str(raised.value)
    assert "pass@" not in str(raised.value)


def test_a_missing_package_is_said_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "orchestrator.history.bucket_store", raising=False)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(UsageError, match=r"needs the package 'obstore': pip install 'device-bench\[s3\]'"):
        asyncio.run(open_store("s3://bench", KEYS))


def test_a_bucket_that_is_not_there_is_known_at_the_start(s3: dict[str, str]) -> None:
    with pytest.raises(StoreError, match="s3://another/x cannot be listed: no such bucket or file"):
        asyncio.run(open_store("s3://another/x", s3))


class Refuses(BaseHTTPRequestHandler):
    """Answers everything with one status and a body that a message must not repeat."""

    status = 403

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(SECRET)))
        self.end_headers()
        self.wfile.write(SECRET.encode())

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.mark.parametrize(
    ("status", "says"), [(403, "credentials in the AWS_"), (400, "400 Bad Request"), (200, r"no \(proper\) answer")]
)
def test_a_server_that_refuses_is_known_at_the_start(
    s3: dict[str, str], monkeypatch: pytest.MonkeyPatch, status: int, says: str
) -> None:
    monkeypatch.setattr(Refuses, "status", status)
    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(StoreError, match=f"s3://bench cannot be listed: .*{says}") as raised:
            asyncio.run(open_store("s3://bench", {**s3, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}))
        server.shutdown()
    assert SECRET not in str(raised.value)


def test_a_server_that_is_not_there_is_known_at_the_start(s3: dict[str, str], free_tcp_port: int) -> None:
    environ = {**s3, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_tcp_port}"}
    with pytest.raises(StoreError, match=r"cannot be listed: no \(proper\) answer"):
        asyncio.run(open_store("s3://bench", environ))
