"""What a signed URL permits, and nothing else."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.localcloud.links import Links
from orchestrator.localcloud.refusal import Refusal
from orchestrator.localcloud.signing import Signer

ZIP = {"Content-Type": "application/zip"}
NOW = 1_700_000_000.0


def query_of(signed: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(signed).query, keep_blank_values=True))


@pytest.fixture
def signer() -> Signer:
    return Signer(b"secret", now=lambda: NOW)


def test_a_signed_path_says_its_size(signer: Signer) -> None:
    signed = signer.sign("PUT", "/bundles/a", ttl_s=60, size_bytes=7, content_type="application/zip")
    assert signer.check("PUT", "/bundles/a", query_of(signed), content_type="application/zip") == 7


@given(
    method=st.sampled_from(["PUT", "GET", "put", ""]),
    path=st.sampled_from(["/bundles/a", "/bundles/b", "/bundles/a\n", "/bundles/a\n1700000060", "/results/a"]),
    size=st.one_of(st.sampled_from(["7", "8", "07", "", "7\n"]), st.text(max_size=5)),
    expires=st.one_of(st.sampled_from(["1700000060", "1800000000", "", "1e99"]), st.text(max_size=5)),
    content_type=st.sampled_from(["application/zip", "", "text/plain"]),
)
def test_nothing_but_what_was_signed_is_permitted(
    method: str, path: str, size: str, expires: str, content_type: str
) -> None:
    signer = Signer(b"secret", now=lambda: NOW)
    signed = signer.sign("PUT", "/bundles/a", ttl_s=60, size_bytes=7, content_type="application/zip")
    query = {**query_of(signed), "size": size, "expires": expires}
    same = (method, path, size, expires, content_type) == ("PUT", "/bundles/a", "7", "1700000060", "application/zip")
    if same:
        assert signer.check(method, path, query, content_type=content_type) == 7
    else:
        with pytest.raises(Refusal):
            signer.check(method, path, query, content_type=content_type)


@given(st.dictionaries(st.sampled_from(["expires", "size", "signature", "more"]), st.text()))
def test_made_up_queries_are_refused(query: dict[str, str]) -> None:
    with pytest.raises(Refusal):
        Signer(b"secret", now=lambda: NOW).check("GET", "/results/a", query)


@pytest.mark.parametrize(("later_s", "valid"), [(59.9, True), (60.0, True), (60.1, False), (1e6, False)])
def test_a_signature_holds_until_it_expires(later_s: float, valid: bool) -> None:
    moment = [NOW]
    signer = Signer(b"secret", now=lambda: moment[0])
    query = query_of(signer.sign("GET", "/results/a", ttl_s=60))
    moment[0] += later_s
    if valid:
        signer.check("GET", "/results/a", query)
    else:
        with pytest.raises(Refusal, match="expired"):
            signer.check("GET", "/results/a", query)


def test_another_folders_signatures_are_worth_nothing(signer: Signer) -> None:
    query = query_of(signer.sign("GET", "/results/a", ttl_s=60))
    with pytest.raises(Refusal, match="signature"):
        Signer(b"other", now=lambda: NOW).check("GET", "/results/a", query)


@pytest.mark.parametrize(
    ("path", "found"), [("/downloads/a", "a"), ("/bundles/a", None), ("/a", None), ("/results/downloads/a", None)]
)
def test_only_the_url_of_a_download_names_one(config: Any, signer: Signer, path: str, found: str | None) -> None:
    links = Links(config=config, signer=signer, storage_port=1)
    url = f"http://127.0.0.1:9{signer.sign('PUT', path, ttl_s=60)}"
    if found:
        assert links.download_of(url) == found
    else:
        with pytest.raises(Refusal):
            links.download_of(url)


def changed(url: str, change: Callable[[dict[str, str]], dict[str, str]]) -> str:
    return str(httpx.URL(url.split("?")[0] + "?" + urlencode(change(query_of(url)))))


@pytest.mark.parametrize(
    "change",
    [
        lambda query: {},
        lambda query: {**query, "expires": str(int(query["expires"]) + 1)},
        lambda query: {**query, "size": "1"},
        lambda query: {**query, "size": str(10**12)},
        lambda query: {**query, "signature": ""},
        lambda query: {**query, "signature": query["signature"][:-1] + "0g"[query["signature"][-1] == "0"]},
        lambda query: {**query, "signature": "é" * 64},
        lambda query: {name: value for name, value in query.items() if name != "size"},
    ],
)
def test_the_storage_refuses_a_url_that_was_tampered_with(shared_cloud: Any, make_bundle: Any, change: Any) -> None:
    url = shared_cloud.data("POST", "/api/device-cloud/uploads")["url"]
    refused = shared_cloud.storage.put(changed(url, change), content=make_bundle("x"), headers=ZIP)
    assert refused.status_code == 403
    assert shared_cloud.storage.put(url, content=make_bundle("x"), headers=ZIP).status_code == 200


def test_a_url_is_for_one_target_and_one_method(shared_cloud: Any) -> None:
    first, second = (shared_cloud.data("POST", "/api/device-cloud/downloads")["url"] for _ in range(2))
    swapped = first.split("?")[0] + "?" + second.split("?")[1]
    assert shared_cloud.storage.put(swapped, content=b"x").status_code == 403
    as_bundle = first.replace("/downloads/", "/bundles/")
    assert shared_cloud.storage.put(as_bundle, content=b"x", headers=ZIP).status_code == 403
    assert shared_cloud.storage.get(first).status_code == 405
    assert shared_cloud.storage.get(first.replace("/downloads/", "/results/")).status_code == 403


def test_expired_urls_are_refused_and_new_ones_work(config: Any, serve_cloud: Any, make_bundle: Any) -> None:
    with serve_cloud(replace(config, url_ttl_s=-1.0)) as cloud:
        url = cloud.data("POST", "/api/device-cloud/uploads")["url"]
        assert cloud.storage.put(url, content=b"x", headers=ZIP).status_code == 403
        download = cloud.data("POST", "/api/device-cloud/downloads")
        assert cloud.storage.put(download["url"], content=b"x").status_code == 200  # the device's lives longer
        stale = cloud.download(download["id"])["url"]
        assert cloud.storage.get(stale).status_code == 403
    with serve_cloud(config) as cloud:
        fresh = cloud.download(download["id"])["url"]
        assert int(query_of(fresh)["expires"]) > time.time()
        assert cloud.storage.get(fresh).content == b"x"


def test_the_device_url_outlives_the_queue_but_not_forever(config: Any, serve_cloud: Any) -> None:
    with serve_cloud(replace(config, device_url_ttl_s=-1.0)) as cloud:
        job_id, download_id = cloud.submit("one")
        assert cloud.wait(job_id)["result"] == "ERRORED"
        assert cloud.download(download_id)["status"] == "PENDING"
