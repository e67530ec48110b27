"""A phone as its properties describe it. They are its own words: bounded, and printable before they are used."""

import re
from dataclasses import dataclass

from orchestrator.localcloud.android.adb import Adb, Attached
from orchestrator.protocol.device_cloud import Cpu, Device

DEVICE_TYPE = "phone"
ANSWER_S = 8.0  # a phone that hangs must not hold up the list of all devices
ASK = "getprop; cat /sys/devices/system/cpu/cpu*/cpufreq/cpuinfo_max_freq 2>/dev/null; true"

_PROPERTY = re.compile(r"^\[([\w.-]{1,100})\]: \[(.{0,200}?)\]\s*$", re.MULTILINE)
_FREQUENCY_KHZ = re.compile(r"^(\d{4,9})\s*$", re.MULTILINE)
_MAX_CHARS = 80


@dataclass(frozen=True, kw_only=True)
class Phone:
    """`serial` is adb's; `identity` stays the same over cables and addresses. What it does not tell is ""."""

    serial: str
    identity: str
    model: str
    vendor: str
    os: str
    soc: str
    abi: str
    frequency: str

    def device(self, name: str) -> Device:
        """As the wire tells of it."""
        chip = ", ".join(filter(None, (self.soc, self.abi)))
        cpu = Cpu(architecture=chip or None, frequency=self.frequency or None)
        return Device(
            name=name,
            os=self.os,
            vendor=self.vendor,
            platform="ANDROID",
            type=DEVICE_TYPE,
            cpu=cpu,
            model_formats=["tflite"],
        )


def ask_phone(adb: Adb, attached: Attached) -> Phone:
    """The phone at an attachment. Raises AdbError."""
    return parse_phone(attached.serial, adb.shell(attached.serial, ASK, timeout_s=ANSWER_S).text)


def parse_phone(serial: str, text: str) -> Phone:
    """The phone from what `ASK` prints."""
    told = {name: _plain(value) for name, value in _PROPERTY.findall(text)}

    def first(*names: str) -> str:
        return next((told[name] for name in names if told.get(name)), "")

    model = first("ro.product.model", "ro.product.device") or "Android device"
    version = first("ro.build.version.release")
    chip = [first("ro.soc.manufacturer"), first("ro.soc.model", "ro.board.platform", "ro.hardware")]
    frequencies = [int(khz) for khz in _FREQUENCY_KHZ.findall(text)]
    return Phone(
        serial=serial,
        identity=first("ro.serialno", "ro.boot.serialno") or serial,
        model=model,
        vendor=first("ro.product.manufacturer", "ro.product.brand"),
        os=f"Android {version}".strip(),
        soc=" ".join(filter(None, chip)),
        abi=first("ro.product.cpu.abi"),
        frequency=f"{max(frequencies) / 1e6:.2f} GHz" if frequencies else "",
    )


def _plain(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:_MAX_CHARS]
