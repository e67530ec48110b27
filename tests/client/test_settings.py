import pytest

from orchestrator.client.settings import settings_from_environment
from orchestrator.errors import UsageError

KEY = {"EMBEDL_HUB_API_KEY": "secret-key"}
HUB = {**KEY, "EMBEDL_HUB_API_BASE_URL": "https://hub.example/"}


def test_the_hub_is_found_by_its_own_variables() -> None:
    settings = settings_from_environment("hub", HUB)
    assert settings.base_url == "https://hub.example"
    assert settings.api_key.reveal() == "secret-key"
    assert "secret-key" not in repr(settings)


@pytest.mark.parametrize(
    ("cloud", "environ", "missing", "there"),
    [
        ("hub", {}, ["EMBEDL_HUB_API_BASE_URL", "EMBEDL_HUB_API_KEY"], []),
        ("hub", KEY, ["EMBEDL_HUB_API_BASE_URL"], ["EMBEDL_HUB_API_KEY"]),
        ("hub", {**HUB, "EMBEDL_HUB_API_KEY": " "}, ["EMBEDL_HUB_API_KEY"], ["EMBEDL_HUB_API_BASE_URL"]),
        ("https://cloud.example", {}, ["EMBEDL_HUB_API_KEY"], ["EMBEDL_HUB_API_BASE_URL"]),
    ],
)
def test_what_is_missing_is_named(cloud: str, environ: dict[str, str], missing: list[str], there: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        settings_from_environment(cloud, environ)
    assert all(name in str(caught.value) for name in missing)
    assert not any(name in str(caught.value) for name in there)


@pytest.mark.parametrize(
    "url", ["https://a.example/x/", "http://127.0.0.1:8000", "http://[::1]:8000", "http://localhost"]
)
def test_a_url_in_the_plan_takes_the_same_key(url: str) -> None:
    assert settings_from_environment(url, KEY).base_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example",
        "https://",
        "https://user:pass@a.example",
        "https://:pass@a.example",
        "https://a.example/?key=pass",
        "https://a.example/#pass",
        "https://a.example:port",
        "https://a.example/pass word",
        "https://[::1",
        "https://ä.example",
        "http://a.example",
        "http://10.0.0.1",
        "http://localhost.evil.example",
    ],
)
def test_a_bad_address_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings_from_environment(url, KEY)
    assert "pass" not in str(caught.value).replace("password", "")


def test_plain_http_is_allowed_by_name_alone() -> None:
    environ = {**KEY, "BENCH_ALLOW_PLAIN_HTTP": "1"}
    assert settings_from_environment("http://10.0.0.1", environ).base_url == "http://10.0.0.1"
    with pytest.raises(UsageError, match="BENCH_ALLOW_PLAIN_HTTP"):
        settings_from_environment("http://10.0.0.1", {**environ, "BENCH_ALLOW_PLAIN_HTTP": "0"})


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel", "x" * 5000])
def test_a_key_that_no_header_can_hold_is_refused_unseen(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings_from_environment("https://a.example", {"EMBEDL_HUB_API_KEY": key})
    assert key not in str(caught.value)
