"""Signed URLs: no credentials to them, nothing of them in any message."""

import logging
import traceback

import httpx
import pytest

from orchestrator.client.device_cloud import Upload
from orchestrator.domain.secret import Secret
from orchestrator.errors import CloudError, Misbehaving, Overloaded, StorageRefused, TransferBroken

URL = "https://storage.example/bucket/thing?X-Signature=sig-secret&x=1#sig-secret"


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(b"zip")
    return path


def arriving(content):
    return httpx.Response(200, stream=httpx.ByteStream(content))


def send(bundle, url=URL):
    return lambda cloud: cloud.device_cloud.send_bundle(Upload(id="u", url=Secret(url)), bundle)


def fetch(path, url=URL):
    return lambda cloud: cloud.device_cloud.fetch_results(Secret(url), path)


def test_storage_gets_the_file_and_no_credentials(scripted, bundle, tmp_path) -> None:
    scripted.storage = [httpx.Response(200), arriving(b"results")]
    scripted.run(send(bundle))
    fetched = scripted.run(fetch(tmp_path / "results.zip"))
    put, get = scripted.asked_storage
    assert (put.method, put.content, put.headers["content-length"]) == ("PUT", b"zip", "3")
    assert put.headers["content-type"] == "application/zip"
    assert fetched.path.read_bytes() == b"results"
    for request in (put, get):
        assert str(request.url).startswith("https://storage.example/bucket/thing?X-Signature=sig-secret")
        sent = repr(request.headers.raw).lower()
        assert "authorization" not in sent
        assert "cookie" not in sent
        assert "key-that-nobody-may-see" not in sent
    assert get.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [400, 403, 404, 410, 412, 413])
def test_a_refused_url_is_for_the_caller_to_renew(scripted, bundle, tmp_path, status) -> None:
    for use in (send(bundle), fetch(tmp_path / "results.zip")):
        scripted.storage = [httpx.Response(status, text=f"denied: {URL}")]
        with pytest.raises(StorageRefused) as caught:
            scripted.run(use)
        assert caught.value.status == status


def test_a_redirect_is_not_followed(scripted, bundle) -> None:
    scripted.storage = [httpx.Response(307, headers={"Location": "https://evil.example/"})]
    with pytest.raises(Misbehaving):
        scripted.run(send(bundle))
    assert len(scripted.asked_storage) == 1


def test_storage_that_is_busy_is_asked_again(scripted, bundle) -> None:
    scripted.storage = [httpx.Response(503), httpx.Response(429, headers={"Retry-After": "1"}), httpx.Response(204)]
    scripted.run(send(bundle))
    assert len(scripted.asked_storage) == 3


def test_less_than_announced_is_broken_whatever_the_transport_says(scripted, tmp_path) -> None:
    def short(_request):
        return httpx.Response(200, headers={"Content-Length": "10"}, stream=httpx.ByteStream(b"half"))

    scripted.storage = [short] * 12
    with pytest.raises(TransferBroken, match="4 of 10 bytes"):
        scripted.run(fetch(tmp_path / "results.zip"))
    assert not list(tmp_path.glob("*results*"))


def test_an_older_file_stays_until_the_new_one_is_whole(scripted, tmp_path) -> None:
    path = tmp_path / "results.zip"
    path.write_bytes(b"old")
    scripted.storage = [httpx.Response(403)]
    with pytest.raises(StorageRefused):
        scripted.run(fetch(path))
    assert path.read_bytes() == b"old"
    scripted.storage = [arriving(b"new")]
    scripted.run(fetch(path))
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://storage.example/x?sig-secret",
        "https://user:sig-secret@storage.example/x",
        "https://:sig-secret@storage.example/x",
        "//storage.example/x?sig-secret",
        "/x?sig-secret",
        "https://?sig-secret",
        "https://storage.example:port/x?sig-secret",
        "https://storage.example/\x00?sig-secret",
        "https://storage.example/?sig-secret" + "x" * 70_000,
        "",
    ],
    ids=lambda url: url[:30],
)
def test_a_url_that_is_none_is_not_used(scripted, bundle, url) -> None:
    with pytest.raises(Misbehaving) as caught:
        scripted.run(send(bundle, url))
    assert "sig-secret" not in str(caught.value)


@pytest.mark.parametrize("where", ["missing/bundle.zip", "."])
def test_a_file_of_ours_that_cannot_be_read_is_said_at_once(scripted, tmp_path, where) -> None:
    with pytest.raises(TransferBroken):
        scripted.run(send(tmp_path / where))


def test_a_disk_that_takes_nothing_is_said_at_once(scripted, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    scripted.storage = [arriving(b"results")]
    with pytest.raises(TransferBroken, match="file"):
        scripted.run(fetch(tmp_path / "file" / "results.zip"))


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: httpx.Response(403, text=URL),
        lambda _: httpx.Response(500, text=URL),
        lambda _: httpx.Response(302, headers={"Location": URL}),
        httpx.ConnectError(f"cannot reach {URL}"),
        httpx.ReadError(f"lost {URL}"),
        httpx.InvalidURL(f"bad {URL}"),
    ],
)
def test_nothing_of_a_signed_url_gets_out(scripted, tmp_path, bundle, caplog, answer) -> None:
    """Not with a root logger at DEBUG, not in a traceback, not in the attributes of what is raised."""
    caplog.set_level(logging.DEBUG)
    for use in (send(bundle), fetch(tmp_path / "results.zip")):
        scripted.storage = [answer] * 12
        with pytest.raises(CloudError) as caught:
            scripted.run(use)
        told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__) + caplog.text
        assert "sig-secret" not in told.replace(f'URL = "{URL}"', "")
        assert "storage.example" in str(caught.value)


def test_real_requests_are_not_logged_with_their_urls(raw_server, over_sockets, tmp_path, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    server = raw_server(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"))
    over_sockets("http://127.0.0.1:1", fetch(tmp_path / "x", f"{server.url}/x?sig-secret"))
    assert b"sig-secret" in server.requests[0]
    assert "sig-secret" not in caplog.text


def test_what_holds_a_secret_does_not_show_it() -> None:
    assert "sig-secret" not in repr(Upload(id="u", url=Secret(URL)))


def test_a_full_429_storm_ends(scripted, bundle, fake_time) -> None:
    start = fake_time.now
    scripted.storage = [lambda _: httpx.Response(429)] * 100
    with pytest.raises(Overloaded):
        scripted.run(send(bundle))
    assert fake_time.now - start < 400
