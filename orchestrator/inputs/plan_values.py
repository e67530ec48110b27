"""What a plan's schema is built of: text, names, flags, durations, percentages, addresses, and the strict mapping.

Each refuses with words for the user, and says in JSON Schema what editors should accept.
"""

import math
import re
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from orchestrator.domain.device import nearest_names, parse_os
from orchestrator.domain.plan import DAY_S
from orchestrator.inputs.cron import check_cron
from orchestrator.inputs.quantities import (
    DURATION_PATTERN,
    PERCENTAGE_PATTERN,
    format_duration,
    parse_duration_s,
    parse_fraction,
)
from orchestrator.inputs.yaml_tree import WrittenFloat

MAX_TEXT = 200
MAX_DIMENSION = 2**31 - 1
_FLAG = re.compile(r"[a-z][a-z0-9_]{0,99}")
_FILE_NAME = re.compile(r"[^\s./\\:*?\"<>|-](?:[^/\\:*?\"<>|]{0,58}[^\s./\\:*?\"<>|])?")
_VARIABLE = re.compile(r"\$(?:[A-Za-z_][A-Za-z0-9_]{0,99}|\{[A-Za-z_][A-Za-z0-9_]{0,99}\})")
_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_-]{16,}")
_NOT_TRUTH = {"yes": "true", "on": "true", "no": "false", "off": "false"}


class Section(BaseModel):
    """A mapping of the plan: unknown keys and look-alike types are mistakes."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True, validate_by_alias=True
    )


def _as_written(value: object) -> object:
    """Numbers where text is wanted are the text they were written as: `pinned: 2.10` is not 2.1."""
    if isinstance(value, WrittenFloat):
        return value.written
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _printable(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        message = "expected text on one line, without control characters and blanks around it"
        raise ValueError(message)
    return value


def _text(most: int) -> tuple[Any, ...]:
    schema = {"type": ["string", "number"], "minLength": 1, "maxLength": most}
    limits = Field(min_length=1, max_length=most)
    return BeforeValidator(_as_written), limits, AfterValidator(_printable), WithJsonSchema(schema)


def _file_name(value: str) -> str:
    if not _FILE_NAME.fullmatch(value):
        message = 'it names files, so: at most 60 characters, none of / \\ : * ? " < > |, no dot or dash at its start'
        raise ValueError(message)
    return value


def _flag(value: str) -> str:
    if not _FLAG.fullmatch(value):
        likely = re.sub(r"[^a-z0-9]+", "_", value[:100].lower()).strip("_")
        hint = f": write {likely}" if _FLAG.fullmatch(likely) else ""
        message = f"{value[:60]!r} is no flag of benchmark_model, such as num_threads{hint}"
        raise ValueError(message)
    return value


def _flag_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = _as_written(value)
    if not isinstance(text, str) or (isinstance(value, float) and not math.isfinite(value)):
        message = "expected text, a number, true or false"
        raise ValueError(message)
    if text.lower() in _NOT_TRUTH:
        message = f"{text!r} is no value of a flag: write {_NOT_TRUTH[text.lower()]}"
        raise ValueError(message)
    return text


def _tag_value(value: object) -> object:
    return _flag_value(value) if isinstance(value, bool) else _as_written(value)


def _version(value: int) -> int:
    if value != 1:
        message = f"expected 1, the version of this format that this program reads, not {value}"
        raise ValueError(message)
    return value


def _os(value: str) -> str:
    parse_os(value)
    return value


def _duration(least_s: float, most_s: float) -> tuple[Any, ...]:
    def between(value: float) -> float:
        if not least_s <= value <= most_s:
            message = f"expected {format_duration(least_s)} to {format_duration(most_s)}"
            raise ValueError(message)
        return value

    return BeforeValidator(parse_duration_s), AfterValidator(between), WithJsonSchema(_DURATION_SCHEMA)


def _share(most: float) -> tuple[Any, ...]:
    def between(value: float) -> float:
        if not 0 < value <= most:
            message = f"expected more than 0% and at most {most:.0%}"
            raise ValueError(message)
        return value

    return BeforeValidator(parse_fraction), AfterValidator(between), WithJsonSchema(_SHARE_SCHEMA)


def _auto_or_duration(value: object) -> float | None:
    return None if value == "auto" else parse_duration_s(value)


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = available_timezones()
        if value == "UTC" and not known:  # a computer without time zone data still knows this one
            return value
        near = nearest_names(value, known)
        message = f"{value[:60]!r} is no time zone" + (f"; nearest: {', '.join(near)}" if near else " of this computer")
        raise ValueError(message) from None
    return value


def _cloud(value: str) -> str:
    if value in ("local", "hub"):
        return value
    url = _http_url(value)
    if url is None:
        near = nearest_names(value, ("local", "hub")) if "/" not in value else []
        message = "expected local, hub, or an address such as https://hub.example.com"
        raise ValueError(message + (f"; nearest: {near[0]}" if near else ""))
    if url.username is not None or url.password is not None or url.query or url.fragment or value.endswith(("?", "#")):
        message = "the address holds more than scheme, host and path: a key belongs into EMBEDL_HUB_API_KEY"
        raise ValueError(message)
    return value


def _notify_target(value: str) -> str:
    """Addresses may be secrets themselves, and plans are copied into reports: when in doubt, refused."""
    if _VARIABLE.fullmatch(value) or _MAIL.fullmatch(value):
        return value
    url = _http_url(value)
    is_plain = url and "@" not in url.netloc and not url.query and not url.fragment
    if not url or not is_plain or any(_TOKEN.fullmatch(part) for part in url.path.split("/")):
        message = (
            "expected an e-mail address, a plain http address, or $NAME, an environment variable that holds the "
            "address: secrets do not belong into a plan"
        )
        raise ValueError(message)
    return value


def _http_url(value: str) -> SplitResult | None:
    """The parts of an http(s) address with a host and a possible port, None for anything else."""
    try:
        url = urlsplit(value)
        usable = url.scheme in ("http", "https") and url.hostname and (url.port is None or url.port > 0)
    except ValueError:
        return None
    return url if usable and not re.search(r"[\s\\]", value) else None


_SCALAR_SCHEMA = {"type": ["string", "number", "boolean"]}
_DURATION_SCHEMA = {"type": "string", "pattern": DURATION_PATTERN}
_SHARE_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": PERCENTAGE_PATTERN},
        {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    ]
}

Version = Annotated[int, AfterValidator(_version), WithJsonSchema({"const": 1})]
Text = Annotated[str, *_text(MAX_TEXT)]
PathText = Annotated[str, *_text(4096)]
FileName = Annotated[str, *_text(MAX_TEXT), AfterValidator(_file_name)]
OsText = Annotated[str, *_text(MAX_TEXT), AfterValidator(_os)]
TagValue = Annotated[str, *_text(1000), BeforeValidator(_tag_value), WithJsonSchema(_SCALAR_SCHEMA)]
FlagName = Annotated[str, AfterValidator(_flag)]
FlagValue = Annotated[str, *_text(1000), BeforeValidator(_flag_value), WithJsonSchema(_SCALAR_SCHEMA)]
Params = dict[FlagName, FlagValue]
Shape = Annotated[list[Annotated[int, Field(ge=0, le=MAX_DIMENSION)]], Field(max_length=32)]
PollInterval = Annotated[float, *_duration(0.01, 600)]
Timeout = Annotated[float, *_duration(0.1, 30 * DAY_S)]
Reconcile = Annotated[
    float | None,
    BeforeValidator(_auto_or_duration),
    WithJsonSchema({"anyOf": [{"const": "auto"}, _DURATION_SCHEMA]}),
]
Age = Annotated[float, *_duration(60, 3650 * DAY_S)]
Regression = Annotated[float, *_share(10)]
Share = Annotated[float, *_share(1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Cron = Annotated[str, *_text(MAX_TEXT), AfterValidator(check_cron)]
TimeZone = Annotated[str, *_text(MAX_TEXT), AfterValidator(_timezone)]
Cloud = Annotated[str, *_text(1000), AfterValidator(_cloud)]
NotifyTarget = Annotated[str, *_text(1000), AfterValidator(_notify_target)]
