"""No exception of httpx, pydantic, ssl or the system gets past the client, and each says what may have happened."""

import asyncio
import json
import ssl

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError

from orchestrator.client.failures import translated
from orchestrator.errors import AnswerLost, CloudError, KeyRefused, Misbehaving, Unreachable

NOT_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"}
NO_PROTOCOL = {"DecodingError", "TooManyRedirects", "UnsupportedProtocol", "InvalidURL", "CookieConflict"}
OF_HTTPX = sorted(
    (kind for kind in vars(httpx).values() if isinstance(kind, type) and issubclass(kind, Exception)),
    key=lambda kind: kind.__name__,
)


def made(kind: type[Exception]) -> Exception:
    """An instance, whatever its constructor wants."""
    request = httpx.Request("GET", "https://storage.example/x?signature=sig-secret")
    if kind is httpx.HTTPStatusError:
        return kind("sig-secret", request=request, response=httpx.Response(500))
    if issubclass(kind, httpx.RequestError):
        return kind("why", request=request)
    try:
        return kind("why")
    except TypeError:
        return kind()


def test_httpx_has_the_exceptions_that_we_know_of() -> None:
    assert {kind.__name__ for kind in OF_HTTPX} >= NOT_SENT | NO_PROTOCOL
    assert len(OF_HTTPX) >= 28


@pytest.mark.parametrize("kind", OF_HTTPX, ids=lambda kind: kind.__name__)
def test_each_exception_of_httpx_has_its_translation(kind: type[Exception]) -> None:
    with pytest.raises(CloudError) as caught, translated("a call"):
        raise made(kind)
    expected = Unreachable if kind.__name__ in NOT_SENT else Misbehaving if kind.__name__ in NO_PROTOCOL else AnswerLost
    assert type(caught.value) is expected
    assert "sig-secret" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("kind", OF_HTTPX, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("where", ["api", "storage", "reading"])
def test_none_gets_past_the_client(kind: type[Exception], where: str, scripted, tmp_path) -> None:
    class Body(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield b"{"
            raise made(kind)

    from orchestrator.domain.secret import Secret

    def reading(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Body())

    scripted.api += [reading if where == "reading" else made(kind)] * 100
    scripted.storage += [made(kind)] * 100
    url = Secret("https://storage.example/x?signature=sig-secret")
    uses = {"storage": lambda cloud: cloud.device_cloud.fetch_results(url, tmp_path / "results.zip")}
    with pytest.raises(CloudError):
        scripted.run(uses.get(where, lambda cloud: cloud.device_cloud.devices()))


def invalid() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(int).validate_python("x")
    return caught.value


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ssl.SSLError("bad record"), AnswerLost),
        (ssl.SSLCertVerificationError("expired"), AnswerLost),
        (TimeoutError(), AnswerLost),
        (ConnectionResetError(), AnswerLost),
        (OSError("no route"), AnswerLost),
        (invalid(), Misbehaving),
        (UnicodeError("label too long"), Misbehaving),
        (RecursionError(), Misbehaving),
    ],
    ids=repr,
)
def test_others_are_translated_too(error: Exception, expected: type[CloudError]) -> None:
    with pytest.raises(expected), translated("a call"):
        raise error


@pytest.mark.parametrize(
    "error", [KeyRefused("x"), ValueError("a bug"), json.JSONDecodeError("x", "", 0), KeyError("x")]
)
def test_ours_and_bugs_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, translated("a call"):
        raise error
    assert caught.value is error


def test_being_cancelled_is_no_failure() -> None:
    with pytest.raises(asyncio.CancelledError), translated("a call"):
        raise asyncio.CancelledError
