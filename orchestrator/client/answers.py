"""What an answer of the API means: its data, or the error it stands for. See protocol "Basics"."""

import functools
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar, cast

import httpx
from pydantic import TypeAdapter, ValidationError, create_model

from orchestrator.client.foreign_text import quoted
from orchestrator.domain.secret import Secret
from orchestrator.errors import CloudError, KeyRefused, Misbehaving, Overloaded, QuotaExceeded, Refused
from orchestrator.protocol.envelope import QUOTA_CODES, ErrorBody

T = TypeVar("T")

MAX_ANSWER_BYTES = 16 * 2**20
NO_CONTENT, BAD_REQUEST, NOT_ALLOWED, TOO_MANY, UNAVAILABLE = 204, 400, (401, 403), 429, 503
TRY_LATER = (408, 425, TOO_MANY)
_SECONDS = re.compile(r"\d{1,9}")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer, its body bounded. `place` says in messages which request it answers; `secrets` are masked."""

    place: str
    status: int
    headers: Mapping[str, str]
    content: bytes
    secrets: tuple[Secret, ...] = ()

    @property
    def certainly_not_done(self) -> bool:
        """Whether this refusal proves that nothing was carried out.

        429 does, and 503 in the API's own words; a gateway's 503 may hide an answer that it lost.
        """
        if self.status == TOO_MANY:
            return True
        return self.status == UNAVAILABLE and ("retry-after" in self.headers or _error_body(self.content) is not None)


async def read_answer(response: httpx.Response, place: str, secrets: tuple[Secret, ...] = ()) -> Answer:
    """Reads a streamed response, bounded. Raises Misbehaving where it is longer than any answer of the protocol."""
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            message = f"{place}: the answer is longer than {MAX_ANSWER_BYTES >> 20} MiB"
            raise Misbehaving(message)
    return Answer(
        place=place, status=response.status_code, headers=response.headers, content=bytes(content), secrets=secrets
    )


def data_of(answer: Answer, shape: type[T]) -> T:
    """The data of a success, checked. Raises the CloudError that any other answer stands for."""
    check(answer)
    try:
        data: T = _envelope(cast(Hashable, shape)).validate_json(answer.content).data
    except ValidationError as error:
        message = f"{answer.place}: not an answer of the protocol ({_first_mistake(error)}); is the address right?"
        raise Misbehaving(message) from None
    return data


def check_success(answer: Answer) -> bool:
    """True for a success of a call whose data does not matter: nothing at all, or `{"data": ...}`; else raises."""
    check(answer)
    if answer.status != NO_CONTENT and answer.content:
        data_of(answer, object)
    return True


def check(answer: Answer) -> None:
    """Raises the CloudError of an answer that is no success."""
    if not 200 <= answer.status < 300:
        raise _failure(answer)


def _failure(answer: Answer) -> CloudError:
    body = _error_body(answer.content) or ErrorBody()
    message = f"{answer.place}: {answer.status}{_said(answer, body)}"
    codes = [item.code for item in body.errors or () if item.code]
    code = next((code for code in codes if code in QUOTA_CODES), codes[0] if codes else "")
    if answer.status < BAD_REQUEST:
        return Misbehaving(f"{message} (a redirect, which the key does not follow); is the address right?")
    if answer.status < 500 and code in QUOTA_CODES:
        return QuotaExceeded(message, status=answer.status, code=code)
    if answer.status in NOT_ALLOWED:
        return KeyRefused(f"{message}; check the cloud's API key")
    if answer.status in TRY_LATER or answer.status >= 500:
        return Overloaded(message, status=answer.status, retry_after_s=retry_after_s(answer.headers))
    return Refused(message, status=answer.status, code=quoted(code, answer.secrets))


def _said(answer: Answer, body: ErrorBody) -> str:
    details = (text for item in body.errors or () for text in (item.detail, item.title))
    texts: Iterable[str | None] = (body.message, *details)
    said = next((text for text in texts if text and text.strip()), "")
    return f" {quoted(said, answer.secrets)}" if said else ""


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The seconds that Retry-After asks for, as a number or a date (by the server's own clock, where it tells)."""
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until, now = _date(text), _date(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds()) if until else None


def _date(text: str) -> datetime | None:
    """An HTTP date; one without a zone is UTC."""
    try:
        date = parsedate_to_datetime(text[:64])
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _error_body(content: bytes) -> ErrorBody | None:
    """The protocol's failure body; None where it is empty, HTML or anything else."""
    try:
        return ErrorBody.model_validate_json(content)
    except ValidationError:
        return None


@functools.cache
def _envelope(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(create_model("Envelope", data=(shape, ...)))


def _first_mistake(error: ValidationError) -> str:
    """Where and what, without the input: it may be long, or a signed URL."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return quoted(f"{place}: {first['msg']}" if place else first["msg"])
