"""Signed URLs: an HMAC-SHA256 over method, path, expiry, size and content type says what its bearer may do."""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from orchestrator.localcloud.refusal import Refusal


class Signer:
    """Makes and checks signed paths. Whoever holds one may do exactly that one thing, until it expires."""

    def __init__(self, secret: bytes, *, now: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._now = now

    def sign(self, method: str, path: str, *, ttl_s: float, size_bytes: int = 0, content_type: str = "") -> str:
        """The path with its signed query. `size_bytes` bounds a body, `content_type` is what it must be sent as."""
        expires = str(int(self._now() + ttl_s))
        size = str(size_bytes)
        signature = self._signature(method, path, expires, size, content_type)
        return f"{path}?{urlencode({'expires': expires, 'size': size, 'signature': signature})}"

    def check(self, method: str, path: str, query: Mapping[str, str], *, content_type: str = "") -> int:
        """The size that was signed. Raises Refusal (403) where anything differs or the time is over."""
        expires, size, given = (query.get(name, "") for name in ("expires", "size", "signature"))
        right = self._signature(method, path, expires, size, content_type)
        if not hmac.compare_digest(right.encode(), given.encode("utf-8", "replace")):
            raise Refusal(403, "the signature does not fit this request")
        if int(expires) < self._now():
            raise Refusal(403, "the signed URL has expired")
        return int(size)

    def _signature(self, *parts: str) -> str:
        return hmac.new(self._secret, "\n".join(parts).encode("utf-8", "replace"), hashlib.sha256).hexdigest()
