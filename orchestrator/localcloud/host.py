"""The devices of the local cloud: this computer's processor, with one thread and with several, named for what it is.

Each is offered once as ANDROID and once as IOS (suffix `-ios`), so that both kinds of bundles are exercised; the
silicon is the same. One core is left to the server and the command that waits for it, where there are enough.
"""

import os
import platform
from functools import cache
from pathlib import Path

from orchestrator.protocol.device_cloud import Cpu, Device

DEVICE_TYPE = "host processor"
IOS_SUFFIX = "-ios"

_CPUINFO = Path("/proc/cpuinfo")
_MAX_FREQUENCY = Path("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")  # kHz
_VENDORS = {"GenuineIntel": "Intel", "AuthenticAMD": "AMD", "0x41": "Arm", "0x61": "Apple", "0xc0": "Ampere"}


def host_devices() -> tuple[Device, ...]:
    """The devices of this computer, as the wire tells of them."""
    threads = _thread_counts(core_count())
    return tuple(
        _device(f"host-cpu-{count}t{suffix}", "IOS" if suffix else "ANDROID")
        for suffix in ("", IOS_SUFFIX)
        for count in threads
    )


def threads_of(device_name: str) -> int:
    """How many threads a device computes with. Raises KeyError on a name that is none of this host's."""
    names = {
        f"host-cpu-{count}t{suffix}": count for count in _thread_counts(core_count()) for suffix in ("", IOS_SUFFIX)
    }
    return names[device_name]


def core_count() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def os_name() -> str:
    """The system's name and version in two numbers, such as "Linux 6.1"."""
    return f"{platform.system()} {'.'.join(platform.release().split('-')[0].split('.')[:2])}"


@cache
def cpu_model() -> str:
    """What the processor calls itself, or its architecture where it does not say."""
    return read_cpuinfo().get("model name") or platform.processor() or platform.machine() or "unknown"


def total_memory_bytes() -> int:
    """The computer's memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _thread_counts(cores: int) -> tuple[int, ...]:
    if cores == 1:
        return (1,)
    return (1, cores - 1 if cores > 2 else 2)


def _device(name: str, kind: str) -> Device:
    info = read_cpuinfo()
    vendor = info.get("vendor_id") or info.get("CPU implementer") or ""
    return Device(
        name=name,
        os=os_name(),
        vendor=_VENDORS.get(vendor, vendor),
        platform=kind,
        type=DEVICE_TYPE,
        cpu=Cpu(architecture=platform.machine(), frequency=_frequency()),
        model_formats=["onnx", "tflite"],
    )


def _frequency() -> str | None:
    """The highest clock rate where the system tells, else the present one."""
    if _MAX_FREQUENCY.exists():
        return f"{int(_MAX_FREQUENCY.read_text()) / 1e6:.2f} GHz"
    mhz = read_cpuinfo().get("cpu MHz")
    return f"{float(mhz) / 1e3:.2f} GHz" if mhz else None


@cache
def read_cpuinfo() -> dict[str, str]:
    """The first processor's lines; empty on a system without such a file."""
    if not _CPUINFO.exists():
        return {}
    lines = _CPUINFO.read_text().split("\n\n")[0].splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
