"""Addresses in a plan: the cloud's, and of those who are told. All errors are ValueErrors that never repeat them."""

import re
from urllib.parse import SplitResult, urlsplit

from orchestrator.domain.device import nearest_names

_VARIABLE = re.compile(r"\$(?:[A-Za-z_][A-Za-z0-9_]{0,99}|\{[A-Za-z_][A-Za-z0-9_]{0,99}\})")
_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_-]{16,}")


def check_cloud(value: str) -> str:
    """`local`, `hub`, or an http(s) address of scheme, host and path alone."""
    if value in ("local", "hub"):
        return value
    url = _http_url(value)
    if url is None:
        near = nearest_names(value, ("local", "hub")) if "/" not in value else []
        message = "expected local, hub, or an address such as https://hub.example.com"
        raise ValueError(message + (f"; nearest: {near[0]}" if near else ""))
    if url.username is not None or url.password is not None or url.query or url.fragment or value.endswith(("?", "#")):
        message = "the address holds more than scheme, host and path: a key belongs in EMBEDL_HUB_API_KEY"
        raise ValueError(message)
    return value


def check_notify_target(value: str) -> str:
    """An e-mail address, a plain http(s) address, or `$NAME`. Likely secrets are refused: reports show plans."""
    if _VARIABLE.fullmatch(value) or _MAIL.fullmatch(value):
        return value
    url = _http_url(value)
    is_plain = url and "@" not in url.netloc and not url.query and not url.fragment
    if not url or not is_plain or any(_TOKEN.fullmatch(part) for part in url.path.split("/")):
        message = (
            "expected an e-mail address, a plain http address, or $NAME, an environment variable that holds the "
            "address: secrets do not belong in a plan"
        )
        raise ValueError(message)
    return value


def _http_url(value: str) -> SplitResult | None:
    """The parts of an http(s) address with a host and a possible port, None for anything else."""
    try:
        url = urlsplit(value)
        usable = url.scheme in ("http", "https") and url.hostname and (url.port is None or url.port > 0)
    except ValueError:
        return None
    return url if usable and not re.search(r"[\s\\]", value) else None
