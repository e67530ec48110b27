"""Every way in which the cloud says no, in the protocol's envelope."""

from typing import Any

from orchestrator.protocol.envelope import (
    FILE_TOO_LARGE,
    JOB_QUOTA_EXCEEDED,
    STORAGE_QUOTA_EXCEEDED,
    ErrorBody,
    ErrorItem,
)

TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "The request took too long",
    409: "Not possible now",
    413: "Too large",
    415: "Not a body this call takes",
    422: "Not valid",
    500: "A fault of the cloud",
}


class Refusal(Exception):
    """A request that is not carried out. `items` replaces the one error that is made of the rest."""

    def __init__(self, status: int, detail: str, *, code: str | None = None, items: tuple[ErrorItem, ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.items = items or (error_item(status, detail, code=code),)

    def body(self) -> dict[str, Any]:
        """The failure's body as it goes over the wire."""
        return ErrorBody(message=self.detail, errors=list(self.items)).to_wire()


def error_item(status: int, detail: str, *, code: str | None = None, pointer: str | None = None) -> ErrorItem:
    """One error; `pointer` names the field of the body that is meant (RFC 6901)."""
    fields: dict[str, Any] = {"title": TITLES.get(status, "Refused"), "status": status, "detail": detail}
    if code:
        fields["code"] = code
    if pointer is not None:
        fields["source"] = {"pointer": pointer}
    return ErrorItem(**fields)


def file_too_large(limit_bytes: int) -> Refusal:
    """413: more than one file may hold."""
    return Refusal(413, f"the file is larger than {limit_bytes} bytes", code=FILE_TOO_LARGE)


def storage_full() -> Refusal:
    """409: the storage has no room for it; deleting artifacts makes room."""
    return Refusal(409, "the storage quota is used up", code=STORAGE_QUOTA_EXCEEDED)


def too_many_jobs(quota: int) -> Refusal:
    """409: as many unfinished jobs as there may be."""
    return Refusal(409, f"{quota} jobs are unfinished already", code=JOB_QUOTA_EXCEEDED)
