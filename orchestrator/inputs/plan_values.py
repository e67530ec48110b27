"""What a plan's schema is built of: text, names, flags, durations, percentages, addresses, and the strict mapping.

Each refuses with words for the user, and says in JSON Schema what editors should accept.
"""

import math
import re
from collections.abc import Callable
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from orchestrator.domain.device import nearest_names, parse_os
from orchestrator.domain.plan import DAY_S
from orchestrator.inputs.addresses import check_cloud, check_notify_target
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
_FLAG = r"^[a-z][a-z0-9_]{0,99}$"
_FILE_NAME = r"^[^\s./\\:*?\"<>|-](?:[^/\\:*?\"<>|]{0,58}[^\s./\\:*?\"<>|])?$"
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
    if not re.fullmatch(_FILE_NAME, value):
        message = 'it names files, so: at most 60 characters, none of / \\ : * ? " < > |, no dot or dash at its start'
        raise ValueError(message)
    return value


def _flag(value: str) -> str:
    if not re.fullmatch(_FLAG, value):
        likely = re.sub(r"[^a-z0-9]+", "_", value[:100].lower()).strip("_")
        hint = f": write {likely}" if re.fullmatch(_FLAG, likely) else ""
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


def _between(least_s: float, most_s: float) -> Callable[[float], float]:
    def check(value: float) -> float:
        if not least_s <= value <= most_s:
            message = f"expected {format_duration(least_s)} to {format_duration(most_s)}"
            raise ValueError(message)
        return value

    return check


def _duration(least_s: float, most_s: float) -> tuple[Any, ...]:
    between = _between(least_s, most_s)
    return BeforeValidator(parse_duration_s), AfterValidator(between), WithJsonSchema(_DURATION_SCHEMA)


def _share(most: float) -> tuple[Any, ...]:
    def between(value: float) -> float:
        if not 0 < value <= most:
            message = f"expected more than 0% and at most {most:.0%}"
            raise ValueError(message)
        return value

    return BeforeValidator(parse_fraction), AfterValidator(between), WithJsonSchema(_SHARE_SCHEMA)


def _auto_or_duration(value: object) -> float | None:
    return None if value == "auto" else _between(0, 30 * DAY_S)(parse_duration_s(value))


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
FileName = Annotated[
    str,
    *_text(MAX_TEXT),
    AfterValidator(_file_name),
    WithJsonSchema({"type": ["string", "number"], "pattern": _FILE_NAME}),
]
OsText = Annotated[str, *_text(MAX_TEXT), AfterValidator(_os)]
TagValue = Annotated[str, *_text(1000), BeforeValidator(_tag_value), WithJsonSchema(_SCALAR_SCHEMA)]
FlagName = Annotated[str, AfterValidator(_flag), WithJsonSchema({"type": "string", "pattern": _FLAG})]
FlagValue = Annotated[str, *_text(1000), BeforeValidator(_flag_value), WithJsonSchema(_SCALAR_SCHEMA)]
Params = dict[FlagName, FlagValue]
Shape = Annotated[list[Annotated[int, Field(ge=0, le=MAX_DIMENSION)]], Field(max_length=32)]
PollInterval = Annotated[float, *_duration(0.01, 600)]
Cooldown = Annotated[float, *_duration(0, 3600)]
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
Cloud = Annotated[str, *_text(1000), AfterValidator(check_cloud)]
NotifyTarget = Annotated[str, *_text(1000), AfterValidator(check_notify_target)]
