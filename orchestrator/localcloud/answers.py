"""Answers in the protocol's envelope, and what becomes of exceptions."""

from collections.abc import Iterable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from orchestrator.localcloud.refusal import TITLES, Refusal
from orchestrator.protocol.envelope import WireModel


def answer(data: WireModel | Iterable[WireModel], *, status: int = 200) -> Response:
    """A success: one object, or a list of them."""
    content = data.to_wire() if isinstance(data, WireModel) else [item.to_wire() for item in data]
    return JSONResponse({"data": content}, status_code=status)


def created(data: WireModel) -> Response:
    """201 and what was made."""
    return answer(data, status=201)


def refused(refusal: Refusal, headers: dict[str, str] | None = None) -> Response:
    """A failure in its envelope."""
    return JSONResponse(refusal.body(), status_code=refusal.status, headers=headers)


def _on_refusal(_request: Request, refusal: Refusal) -> Response:
    return refused(refusal)


def _on_http_exception(_request: Request, error: HTTPException) -> Response:
    """What the router says itself: 404, and 405 with the methods there are."""
    return refused(Refusal(error.status_code, TITLES.get(error.status_code, "Refused")), dict(error.headers or {}))


def _on_disconnect(_request: Request, _error: ClientDisconnect) -> Response:
    """Nobody reads this; what was received has been removed."""
    return Response(status_code=400)


def _on_fault(_request: Request, _error: Exception) -> Response:
    """The traceback goes to the server's log; the caller learns only that it is not to blame."""
    return refused(Refusal(500, "the cloud made a mistake; its log says which"))


EXCEPTION_HANDLERS: dict[Any, Any] = {
    Refusal: _on_refusal,
    HTTPException: _on_http_exception,
    ClientDisconnect: _on_disconnect,
    Exception: _on_fault,
}
