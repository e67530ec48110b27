"""The envelope of every answer: `{"data": ...}` or an error, as the hub's protocol has them.

Field names on the wire are camelCase; unknown fields are ignored, so that a newer hub does not break us.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class WireModel(BaseModel):
    """A body of the protocol: camelCase on the wire, snake_case here, unknown fields ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="ignore", frozen=True
    )

    def to_wire(self) -> dict[str, Any]:
        """The JSON object to send; fields that were not set are left out, an explicit None is sent as null."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class ErrorItem(WireModel):
    """One error of a failure's body. Every field is optional."""

    title: str | None = None
    status: int | str | None = None
    code: str | None = None
    detail: str | None = None
    source: Any = None
    meta: Any = None


class ErrorBody(WireModel):
    """The body of a failure; it may also be missing altogether, or a gateway's HTML page."""

    message: str | None = None
    errors: list[ErrorItem] | None = None


STORAGE_QUOTA_EXCEEDED = "storage_quota_exceeded"
FILE_TOO_LARGE = "file_too_large"
JOB_QUOTA_EXCEEDED = "job_quota_exceeded"
INVALID_RUN_LINEAGE = "invalid_run_lineage"
QUOTA_CODES = frozenset({STORAGE_QUOTA_EXCEEDED, FILE_TOO_LARGE, JOB_QUOTA_EXCEEDED})
