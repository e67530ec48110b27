"""Faults of a real wire, on real sockets."""

import hashlib
import socket
import threading
import time

import httpx
import pytest

from orchestrator.client import device_cloud, http, storage
from orchestrator.client.device_cloud import Upload
from orchestrator.domain.secret import Secret
from orchestrator.errors import AnswerLost, CloudError, StorageRefused, TransferBroken, Unreachable

KEY = "key-that-nobody-may-see"

GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n{"data": []}'
JOB = b'{"data": {"id": "j1", "status": "PENDING"}}'
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(JOB), JOB)
FILE = b"results" * 1000


def says(content: bytes):
    return lambda connection: connection.sendall(content)


def head(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "Connection: close", "", ""]).encode()


def drips(connection) -> None:
    connection.sendall(head("200 OK", "Content-Length: 1000000"))
    for _ in range(200):
        connection.sendall(b" ")
        time.sleep(0.02)


def endless(connection) -> None:
    connection.sendall(head("200 OK", "Transfer-Encoding: chunked"))
    while True:
        connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")


def stalls(_connection) -> None:
    time.sleep(1.5)


FAULTS = {
    "closed at once": says(b""),
    "cut in the head": says(b"HTTP/1.1 200 OK\r\nContent-"),
    "cut in the body": says(head("200 OK", "Content-Length: 500") + b'{"data"'),
    "cut between chunks": says(head("200 OK", "Transfer-Encoding: chunked") + b'5\r\n{"dat\r\n'),
    "no http": says(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "a gateway's page": says(head("502 Bad Gateway", "Content-Type: text/html") + b"<h1>502</h1>"),
    "rate limited": says(head("429 Too Many Requests", "Retry-After: 3")),
    "rate limited until a date": says(
        head("429 Too Many", "Date: Sat, 31 Jan 2026 02:00:00 GMT", "Retry-After: Sat, 31 Jan 2026 02:00:07 GMT")
    ),
    "gzip that is none": says(head("200 OK", "Content-Encoding: gzip", "Content-Length: 4") + b"abcd"),
    "endless": endless,
    "stalled": stalls,
    "dripping": drips,
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT", httpx.Timeout(1.0))
    monkeypatch.setattr(http, "LONGEST_TRY_S", 1.5)
    monkeypatch.setattr(storage, "SLOW", httpx.Timeout(1.0))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_look_survives_every_fault(raw_server, over_sockets, fault) -> None:
    server = raw_server(FAULTS[fault], FAULTS[fault], says(GOOD))
    assert over_sockets(server.url, lambda cloud: cloud.device_cloud.devices()) == ()
    assert server.met(3) == 3


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"rate limited", "rate limited until a date"}))
def test_a_submission_is_left_in_doubt_by_every_fault(raw_server, over_sockets, fault) -> None:
    server = raw_server(FAULTS[fault], says(CREATED))
    with pytest.raises(AnswerLost):
        over_sockets(server.url, lambda cloud: cloud.device_cloud.submit("u1", "d1"))
    assert server.met(1) == 1


@pytest.mark.parametrize(("fault", "seconds"), [("rate limited", 3), ("rate limited until a date", 7)])
def test_a_submission_that_was_held_back_waits_as_asked(raw_server, over_sockets, fake_time, fault, seconds) -> None:
    server = raw_server(FAULTS[fault], says(CREATED))
    assert over_sockets(server.url, lambda cloud: cloud.device_cloud.submit("u1", "d1")) == "j1"
    assert sum(fake_time.slept) == pytest.approx(seconds, abs=0.06)


def test_nobody_there(over_sockets) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1.*no connection"):
        over_sockets(f"http://127.0.0.1:{port}", lambda cloud: cloud.device_cloud.submit("u1", "d1"))


def test_a_host_name_that_no_resolver_takes(over_sockets) -> None:
    with pytest.raises(CloudError):
        over_sockets(f"http://{'x' * 70}.localhost", lambda cloud: cloud.device_cloud.devices())


def fetch(server, path):
    return lambda cloud: cloud.device_cloud.fetch_results(Secret(f"{server.url}/r?sig=secret"), path)


WHOLE = says(head("200 OK", f"Content-Length: {len(FILE)}") + FILE)
BROKEN = {
    "nothing": says(b""),
    "half of it": says(head("200 OK", f"Content-Length: {len(FILE)}") + FILE[:3000]),
    "half of the chunks": says(head("200 OK", "Transfer-Encoding: chunked") + b"64\r\n" + FILE[:100] + b"\r\n"),
    "a stall": stalls,
    "a server's fault": says(head("500 Oops")),
    "a gateway's page": FAULTS["a gateway's page"],
    "rate limited": FAULTS["rate limited"],
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_download_is_fetched_again_whole(raw_server, over_sockets, tmp_path, fault) -> None:
    server = raw_server(BROKEN[fault], BROKEN[fault], WHOLE)
    fetched = over_sockets("http://127.0.0.1:1", fetch(server, tmp_path / "results.zip"))
    assert fetched.path.read_bytes() == FILE
    assert (fetched.size_bytes, fetched.sha256) == (len(FILE), hashlib.sha256(FILE).hexdigest())
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["results.zip"]


def test_a_download_that_never_comes_whole_leaves_nothing(raw_server, over_sockets, tmp_path) -> None:
    server = raw_server(*[BROKEN["half of it"]] * 12)
    with pytest.raises(TransferBroken):
        over_sockets("http://127.0.0.1:1", fetch(server, tmp_path / "results.zip"))
    assert server.met(12) == 12
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_a_download_without_end_is_cut_off_once(raw_server, over_sockets, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(device_cloud, "MAX_RESULTS_BYTES", 3 * 2**20)
    server = raw_server(endless)
    with pytest.raises(TransferBroken, match="larger than 3145728"):
        over_sockets("http://127.0.0.1:1", fetch(server, tmp_path / "results.zip"))
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_an_announced_size_beyond_the_bound_is_not_even_read(raw_server, over_sockets, tmp_path) -> None:
    server = raw_server(says(head("200 OK", f"Content-Length: {2**40}")))
    with pytest.raises(TransferBroken, match="1099511627776 bytes"):
        over_sockets("http://127.0.0.1:1", fetch(server, tmp_path / "results.zip"))


def test_an_upload_is_sent_again_from_its_start(raw_server, over_sockets, tmp_path) -> None:
    file = tmp_path / "bundle.zip"
    file.write_bytes(FILE * 400)  # more than a block
    server = raw_server(*[FAULTS["closed at once"]] * 2, FAULTS["a gateway's page"], says(head("200 OK")))
    upload = Upload(id="u", url=Secret(f"{server.url}/up?sig=secret"))
    over_sockets("http://127.0.0.1:1", lambda cloud: cloud.device_cloud.send_bundle(upload, file))
    assert server.met(4) == 4
    for request in server.requests:
        sent, _, body = request.partition(b"\r\n\r\n")
        assert body == FILE * 400
        assert b"content-length: 2800000" in sent.lower()
        assert b"content-type: application/zip" in sent.lower()
        assert b"transfer-encoding" not in sent.lower()
        assert b"authorization" not in sent.lower()
        assert KEY.encode() not in sent


def test_an_early_refusal_of_an_upload_is_read_although_it_goes_on(raw_server, over_sockets, tmp_path) -> None:
    """The storage refuses by the head alone and closes; the rest of the file finds no one."""
    file = tmp_path / "bundle.zip"
    file.write_bytes(bytes(20 * 2**20))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=refuse_early, args=(listener,), daemon=True).start()
        upload = Upload(id="u", url=Secret(f"http://127.0.0.1:{listener.getsockname()[1]}/up"))
        with pytest.raises(StorageRefused) as caught:
            over_sockets("http://127.0.0.1:1", lambda cloud: cloud.device_cloud.send_bundle(upload, file))
    assert caught.value.status == 403


def refuse_early(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(head("403 Forbidden", "Content-Length: 0"))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(2**20):
            pass
