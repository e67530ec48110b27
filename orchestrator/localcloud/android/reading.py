"""The state of a phone before and after a session, and what it says of the figures in between.

From `dumpsys thermalservice` (Android 10 and newer), `dumpsys battery` and two settings; what a phone does not tell
is None.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.localcloud.android.adb import Adb

ASK = (
    "dumpsys thermalservice; dumpsys battery;"
    " echo low_power: $(settings get global low_power); echo screen_on: $(dumpsys deviceidle get screen)"
)
WARMER_SKIN_C, WARMER_BATTERY_C = 5.0, 3.0  # more than this between the two readings is worth a word

_HAL = "Current temperatures from HAL:"
_SKIN = 3  # the temperatures' type
_NUMBER = r"(-?\d{1,6}(?:\.\d{1,6})?)"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Temperatures in degrees Celsius. `thermal_status` is Android's: 0 none, 1 light, 2 moderate, to 6 shutdown."""

    thermal_status: int | None = None
    skin_c: float | None = None
    battery_percent: float | None = None
    battery_c: float | None = None
    powered: bool | None = None
    power_save: bool | None = None
    screen_on: bool | None = None


def read_phone(adb: Adb, serial: str) -> Reading:
    """The phone's state now. Raises AdbError."""
    return parse_reading(adb.shell(serial, ASK).text)


def parse_reading(text: str) -> Reading:
    """The state from what `ASK` prints; the text is the phone's, and may be anything."""
    status = re.search(r"^Thermal Status: (\d)\s*$", text, re.MULTILINE)
    level, scale = _battery("level", text), _battery("scale", text) or 100.0
    tenths = _battery("temperature", text)
    powered = re.findall(r"^\s*(?:AC|USB|Wireless|Dock) powered: (true|false)\s*$", text, re.MULTILINE)
    return Reading(
        thermal_status=int(status[1]) if status else None,
        skin_c=_skin(text),
        battery_percent=None if level is None else 100 * level / scale,
        battery_c=None if tenths is None else tenths / 10,
        powered="true" in powered if powered else None,
        power_save=_truth("low_power", text),
        screen_on=_truth("screen_on", text),
    )


def doubts(before: Reading, after: Reading) -> Iterator[str]:
    """Reasons to doubt what was measured between the two readings."""
    if after.thermal_status:
        yield f"the phone throttled: thermal status {after.thermal_status} after the timed runs"
    warmer = (
        ("phone", before.skin_c, after.skin_c, WARMER_SKIN_C),
        ("battery", before.battery_c, after.battery_c, WARMER_BATTERY_C),
    )
    for name, was, now, limit in warmer:
        if was is not None and now is not None and now - was > limit:
            yield f"the {name} heated up by {now - was:.1f} °C during the timed runs"
    if before.power_save or after.power_save:
        yield "the phone was saving power"


def told(before: Reading, after: Reading) -> Iterator[tuple[str, str]]:
    """Both readings in words, by what they are of."""
    for name, unit in _SHOWN.items():
        was, now = getattr(before, name), getattr(after, name)
        if was is not None or now is not None:
            yield name, _value(was, unit) if was == now else f"{_value(was, unit)} -> {_value(now, unit)}"


_SHOWN = {
    "thermal_status": "",
    "skin_c": " °C",
    "battery_percent": "%",
    "battery_c": " °C",
    "powered": "",
    "power_save": "",
    "screen_on": "",
}


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "unknown"
    return ("yes" if value else "no") if isinstance(value, bool) else f"{value:g}{unit}"


def _battery(name: str, text: str) -> float | None:
    found = re.search(rf"^\s*{name}: {_NUMBER}\s*$", text, re.MULTILINE)
    return float(found[1]) if found else None


def _skin(text: str) -> float | None:
    """The warmest of the skin's sensors, as it is now rather than when it last changed."""
    current = text.partition(_HAL)[2] or text
    pattern = rf"Temperature\{{mValue={_NUMBER}, mType={_SKIN}, "
    return max((float(value) for value in re.findall(pattern, current)), default=None)


def _truth(name: str, text: str) -> bool | None:
    found = re.search(rf"^{name}: (1|0|true|false)\s*$", text, re.MULTILINE)
    return found[1] in ("1", "true") if found else None
