"""The bodies of requests: the protocol's, with the bounds a server must hold, and how they are read.

A field that may be left out may not be null, except the parent of a run, whose null removes it.
"""

import asyncio
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, FiniteFloat, StringConstraints, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.refusal import Refusal, error_item
from orchestrator.protocol import device_cloud, hub
from orchestrator.protocol.envelope import ErrorItem

MAX_NAME_CHARS = 1024
MAX_VALUE_CHARS = 65_536
MAX_STEP = 2**31 - 1
MAX_ERRORS = 20

Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_CHARS)]
Value = Annotated[str, StringConstraints(max_length=MAX_VALUE_CHARS)]
Body = TypeVar("Body", bound=BaseModel)


def _not_null(value: Any) -> Any:
    if value is None:
        message = "may be left out, but not be null"
        raise ValueError(message)
    return value


NotNull = AfterValidator(_not_null)  # a default is not validated, so leaving the field out is fine


class NewProject(hub.ProjectBody):
    """A project to be made."""

    name: Name


class NewRun(hub.RunBody):
    """A run to be made."""

    name: Annotated[Name | None, NotNull] = None
    parent_run_id: Annotated[Name | None, NotNull] = None


class Param(hub.Parameter):
    """A param to be set."""

    name: Name
    value: Value


class Tag(hub.Tag):
    """A tag to be set."""

    name: Name
    value: Value


class Metric(hub.Metric):
    """A metric to be set."""

    name: Name
    value: FiniteFloat
    step: Annotated[Annotated[int, Field(ge=0, le=MAX_STEP)] | None, NotNull] = None


class RunChange(hub.RunPatch):
    """What changes in a run."""

    status: Annotated[hub.RunStatus | None, NotNull] = None
    ended_at: Annotated[AwareDatetime | None, NotNull] = None
    metrics: Annotated[list[Metric] | None, NotNull] = None  # type: ignore[assignment]  # narrower, and never written
    params: Annotated[list[Param] | None, NotNull] = None  # type: ignore[assignment]  # likewise
    parent_run_id: Name | None = None


class NewArtifact(hub.ArtifactBody):
    """An artifact to be announced."""

    run_id: Name
    file_name: Name
    file_size: Annotated[int, Field(ge=0)]


class NewJob(device_cloud.JobBody):
    """A job to be submitted."""

    model_upload_id: Name
    device_name: Name


async def read_body(request: Request, model: type[Body], config: CloudConfig) -> Body:
    """The request's body. Raises Refusal: 400 no JSON, 408 too slow, 413 too long, 415 another type, 422 not valid."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "the body must be application/json")
    text = await read_bounded(request, config)
    try:
        return await run_in_threadpool(model.model_validate_json, text, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        raise _refusal_of(error) from None


async def read_bounded(request: Request, config: CloudConfig) -> bytes:
    """The body's bytes, not more than allowed and not slower."""
    body = bytearray()
    try:
        async with asyncio.timeout(config.stall_timeout_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > config.max_body_bytes:
                    raise Refusal(413, f"the body is longer than {config.max_body_bytes} bytes")
    except TimeoutError:
        raise Refusal(408, f"the body did not arrive within {config.stall_timeout_s:g} seconds") from None
    return bytes(body)


def _refusal_of(error: ValidationError) -> Refusal:
    """All mistakes of the body, up to a bound; what was sent is not repeated."""
    found = error.errors(include_input=False, include_context=False, include_url=False)
    if found[0]["type"] == "json_invalid":
        return Refusal(400, "the body is not JSON")
    return Refusal(
        422,
        "the body is not valid",
        items=tuple(_item(mistake["msg"], mistake["loc"]) for mistake in found[:MAX_ERRORS]),
    )


def _item(message: str, place: tuple[int | str, ...]) -> ErrorItem:
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)
    return error_item(422, message, pointer=pointer)
