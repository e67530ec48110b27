"""What a request says of its body, and the body's way into the store."""

from starlette.requests import Request

from orchestrator.localcloud.blobs import Blob, BlobStore
from orchestrator.localcloud.config import CloudConfig


def announced_bytes(request: Request) -> int | None:
    """The body's length where the request says it (the server has refused what is not a number)."""
    length = request.headers.get("content-length")
    return int(length) if length is not None else None


def has_body(request: Request) -> bool:
    """Whether a body comes, which may still turn out to be empty."""
    return bool(announced_bytes(request)) or "transfer-encoding" in request.headers


async def receive_into(store: BlobStore, request: Request, *, limit_bytes: int, config: CloudConfig) -> Blob:
    """Streams the request's body into the store. Raises Refusal as `BlobStore.receive` does."""
    return await store.receive(
        request.stream(),
        announced_bytes=announced_bytes(request),
        limit_bytes=limit_bytes,
        stall_timeout_s=config.stall_timeout_s,
    )
