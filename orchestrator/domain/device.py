"""Devices of a cloud, and the selectors that pick them."""

import difflib
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from orchestrator.domain.model import ModelFormat
from orchestrator.domain.naming import glob_matches


class Platform(StrEnum):
    """What kind of bundle a device takes."""

    ANDROID = "ANDROID"
    IOS = "IOS"


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device as its cloud describes it. Its name is unique within the cloud.

    `formats` are those of the model files that it takes; a cloud that does not say takes TFLite alone, as the hub.
    """

    name: str
    platform: Platform
    os: str = ""
    vendor: str = ""
    type: str = ""
    cpu: str = ""
    formats: tuple[str, ...] = ()

    def takes(self, format: str) -> bool:
        """Whether it runs model files of that format."""
        return format in (self.formats or (ModelFormat.TFLITE,))


@dataclass(frozen=True, kw_only=True)
class DeviceSelector:
    """Which devices are meant; empty fields match all. `name`, `vendor` and `type` are globs, case-insensitive.

    `os` is a glob ("Android 1*") or version comparisons joined by commas (">=17,<19").
    """

    name: str = "*"
    platform: Platform | None = None
    os: str = ""
    vendor: str = "*"
    type: str = "*"
    limit: int | None = None

    def matches(self, device: Device) -> bool:
        """Whether the device is one of those meant (`limit` is not looked at)."""
        return (
            glob_matches(device.name, self.name)
            and (self.platform is None or device.platform is self.platform)
            and glob_matches(device.vendor, self.vendor)
            and glob_matches(device.type, self.type)
            and os_matches(device.os, self.os)
        )

    def pick(self, devices: Iterable[Device]) -> tuple[Device, ...]:
        """The first `limit` devices that match, in the cloud's order."""
        return tuple(device for device in devices if self.matches(device))[: self.limit]

    def __str__(self) -> str:
        fields = ("name", "platform", "os", "vendor", "type")
        given = {field: text for field in fields if (text := getattr(self, field) or "") not in ("", "*")}
        return self.name if set(given) <= {"name"} else ", ".join(f"{key} {value}" for key, value in given.items())


_VERSION = r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,9}"  # bounded, since clouds and users may write anything
_COMPARISON = re.compile(rf"\s*(>=|<=|==|!=|>|<)\s*({_VERSION})\s*")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


def parse_os(text: str) -> list[tuple[str, tuple[int, ...]]] | None:
    """The version comparisons in `text`, or None where it is a glob.

    Raises ValueError where it starts like a comparison and is none.
    """
    if not text.lstrip().startswith(tuple("<>=!")):
        return None
    found = [_COMPARISON.fullmatch(part) for part in text.split(",")]
    if not all(found):
        message = f"{text!r} is not a version comparison such as '>=17' or '>=13,<15'"
        raise ValueError(message)
    return [(match[1], _version(match[2])) for match in found if match]


def os_matches(os: str, wanted: str) -> bool:
    """Whether a device's OS ("iOS 17.2", "14") fits a selector's `os`; an OS without a number fits no comparison."""
    comparisons = parse_os(wanted) if wanted else []
    if comparisons is None:
        return glob_matches(os, wanted) or glob_matches(os.split()[-1] if os.split() else "", wanted)
    found = re.search(_VERSION, os)
    return all(found and _compare(_version(found[0]), sign, version) for sign, version in comparisons)


def nearest_names(wanted: str, names: Iterable[str], count: int = 3) -> list[str]:
    """The names most like `wanted`, best first: for "did you mean"."""
    by_lower = {name.lower(): name for name in names}
    return [by_lower[name] for name in difflib.get_close_matches(wanted.lower(), by_lower, count, cutoff=0.4)]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _compare(have: tuple[int, ...], sign: str, wanted: tuple[int, ...]) -> bool:
    length = max(len(have), len(wanted))
    padded = [version + (0,) * (length - len(version)) for version in (have, wanted)]
    return _OPERATORS[sign](*padded)
