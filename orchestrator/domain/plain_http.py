"""When something may cross a network unencrypted."""

import ipaddress
from collections.abc import Mapping

PLAIN_HTTP_VARIABLE = "BENCH_ALLOW_PLAIN_HTTP"


def may_be_plain(host: str, environ: Mapping[str, str]) -> bool:
    """Whether http without TLS may be spoken with that host: this computer, or one that the environment allows."""
    return environ.get(PLAIN_HTTP_VARIABLE) == "1" or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
