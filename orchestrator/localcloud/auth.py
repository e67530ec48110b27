"""Who may call the API: whoever sends the key."""

import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.localcloud.answers import refused
from orchestrator.localcloud.refusal import Refusal

OPEN_PATHS = frozenset({"/openapi.json"})
CHALLENGE = {"WWW-Authenticate": "Bearer"}


class BearerAuth:
    """Lets through what carries `Authorization: Bearer <key>`, and the API's own description."""

    def __init__(self, app: ASGIApp, *, api_key: str) -> None:
        self._app = app
        self._key = api_key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call; the key is compared in constant time."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or self._admits(Headers(scope=scope)):
            await self._app(scope, receive, send)
        else:
            await refused(Refusal(401, "the key is missing or wrong"), CHALLENGE)(scope, receive, send)

    def _admits(self, headers: Headers) -> bool:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(key.strip().encode("latin-1"), self._key)
