"""Which device cloud to talk to, and the key for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from orchestrator.domain.plain_http import PLAIN_HTTP_VARIABLE, may_be_plain
from orchestrator.domain.secret import Secret
from orchestrator.errors import UsageError

HUB = "hub"
KEY_VARIABLE = "EMBEDL_HUB_API_KEY"
URL_VARIABLE = "EMBEDL_HUB_API_BASE_URL"
MAX_KEY_CHARS = 4096


@dataclass(frozen=True, kw_only=True)
class CloudSettings:
    """A device cloud's address, without a slash at its end, and the key that only this address gets."""

    base_url: str
    api_key: Secret


def settings_from_environment(cloud: str, environ: Mapping[str, str]) -> CloudSettings:
    """The settings for `hub`, or for an http(s) URL that a plan names; both take the same key variable.

    A key crosses a network in the clear only where BENCH_ALLOW_PLAIN_HTTP=1 says so: an http URL must be of this
    computer or come with it. Raises UsageError naming what is missing or wrong.
    """
    needed = (URL_VARIABLE, KEY_VARIABLE) if cloud == HUB else (KEY_VARIABLE,)
    missing = [name for name in needed if not environ.get(name, "").strip()]
    if missing:
        message = f"cloud {cloud!r} needs {' and '.join(missing)} in the environment"
        raise UsageError(message)
    name, url = (URL_VARIABLE, environ[URL_VARIABLE]) if cloud == HUB else ("the plan's cloud", cloud)
    return CloudSettings(
        base_url=_checked_url(name, url.strip(), environ),
        api_key=_checked_key(environ[KEY_VARIABLE].strip()),
    )


def _checked_url(name: str, url: str, environ: Mapping[str, str]) -> str:
    """The URL without its trailing slashes. It is not repeated in messages: it may hold a password."""
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        message = f"{name} is no http or https URL"
        raise UsageError(message)
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        message = f"{name} must be a plain URL: no user, password, query or fragment; the key goes in {KEY_VARIABLE}"
        raise UsageError(message)
    if parts.scheme == "http" and not may_be_plain(parts.hostname, environ):
        message = f"{name}: the key would cross the network unencrypted; use https, or set {PLAIN_HTTP_VARIABLE}=1"
        raise UsageError(message)
    return url.rstrip("/")


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if url.isascii() and url.isprintable() and " " not in url else None


def _checked_key(key: str) -> Secret:
    if not (key.isascii() and key.isprintable() and len(key) <= MAX_KEY_CHARS) or " " in key:
        message = f"{KEY_VARIABLE} holds characters that no key has; was it cut or pasted with a line break?"
        raise UsageError(message)
    return Secret(key)
