"""A file of what runs elsewhere are judged by: JSON, or the same compressed. It is hostile until checked."""

import gzip
import math
import re
import zlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from orchestrator.domain.alert import Alert
from orchestrator.domain.session import Session
from orchestrator.errors import UsageError

LARGEST_BYTES = 512_000_000  # when it is not compressed
_GZIP = b"\x1f\x8b"
_LONGEST_NAME = 500
_RUN_ID = re.compile(r"[0-9A-Za-z._-]{1,100}")


def _is_name(text: str) -> str:
    if not 0 < len(text) <= _LONGEST_NAME or not text.isprintable():
        message = "not a name: empty, too long, or with signs that cannot be printed"
        raise ValueError(message)
    return text


def _is_run_id(text: str) -> str:
    if not _RUN_ID.fullmatch(text):
        message = "not the id of a run"
        raise ValueError(message)
    return text


def _is_sane(session: Session) -> Session:
    cell = session.cell
    for name in (cell.model, cell.device, cell.variant, *session.values):
        _is_name(name)
    _is_run_id(session.run_id)
    values = [value for jobs in session.values.values() for value in jobs]
    if not all(math.isfinite(value) and value > 0 for value in values):
        message = "a value is not a number above 0"
        raise ValueError(message)
    if session.at.tzinfo is None or session.number < 1 or session.planned < 1:
        message = "a session without its time zone, number or jobs"
        raise ValueError(message)
    return session


def _is_sane_alert(alert: Alert) -> Alert:
    for name in (alert.project, alert.cell.model, alert.cell.device, alert.cell.variant):
        _is_name(name)
    times = (alert.since, alert.opened_at, alert.onset, alert.until, alert.closed_at, alert.back_since)
    if any(moment is not None and moment.tzinfo is None for moment in times):
        message = "an alert with a time without its zone"
        raise ValueError(message)
    if not all(math.isfinite(value) and value > 0 for value in (alert.before, alert.after)):
        message = "an alert with a value that is not a number above 0"
        raise ValueError(message)
    return alert


Name = Annotated[str, AfterValidator(_is_name)]
RunId = Annotated[str, AfterValidator(_is_run_id)]
SaneSession = Annotated[Session, AfterValidator(_is_sane)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ranked(_Part):
    """`rank` orders all that is in the file as it was written."""

    rank: Annotated[int, Field(ge=0, lt=2**30)]


class KeptSession(Ranked):
    """A session. `accepted`: its own run did not find it worse."""

    project: Name
    accepted: bool
    session: SaneSession


class KeptPair(Ranked):
    """A session of a model beside itself."""

    project: Name
    pair: tuple[SaneSession, SaneSession]


class KeptStart(Ranked):
    """Where a cell's baseline began anew."""

    project: Name
    model: Name
    device: Name
    variant: Name
    since: AwareDatetime
    accepted: bool


class KeptAlert(Ranked):
    """How an alert stands."""

    alert: Annotated[Alert, AfterValidator(_is_sane_alert)]


class Exported(_Part):
    """The whole file."""

    schema_version: Literal[1] = 1
    tool_version: str
    exported_at: datetime
    sessions: tuple[KeptSession, ...] = ()
    pairs: tuple[KeptPair, ...] = ()
    starts: tuple[KeptStart, ...] = ()
    alerts: tuple[KeptAlert, ...] = ()
    names: dict[Name, RunId] = {}


def write_exported(exported: Exported, path: Path) -> None:
    """Writes the file, whole or not at all, compressed where its name ends with ".gz". Raises UsageError."""
    data = exported.model_dump_json(indent=1).encode()
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
        temporary.replace(path)
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror}"
        raise UsageError(message) from None


def read_exported(path: Path) -> Exported:
    """Reads such a file. Raises UsageError that says what is wrong with it."""
    try:
        data = _read(path)
    except (OSError, EOFError, zlib.error) as error:
        message = f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'not whole'}"
        raise UsageError(message) from None
    if len(data) > LARGEST_BYTES:
        message = f"{path}: larger than {LARGEST_BYTES / 1e6:,.0f} MB"
        raise UsageError(message)
    try:
        return Exported.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"{path}: no file of 'bench baseline export': {place or 'the whole file'}: {first['msg']}"
        raise UsageError(message) from None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        is_compressed = file.read(2) == _GZIP
        file.seek(0)
        if not is_compressed:
            return file.read(LARGEST_BYTES + 1)
        with gzip.GzipFile(fileobj=file) as unpacked:
            return unpacked.read(LARGEST_BYTES + 1)
