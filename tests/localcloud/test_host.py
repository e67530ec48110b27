"""The devices of the local cloud are this computer's processor, under its own name."""

import platform
from pathlib import Path

import pytest

from orchestrator.localcloud import host


@pytest.mark.parametrize(("cores", "threads"), [(1, [1]), (2, [1, 2]), (3, [1, 2]), (4, [1, 3]), (64, [1, 63])])
def test_each_number_of_threads_is_offered_once_for_android_and_once_for_ios(
    monkeypatch: pytest.MonkeyPatch, cores: int, threads: list[int]
) -> None:
    monkeypatch.setattr(host, "core_count", lambda: cores)
    devices = host.host_devices()
    names = [f"host-cpu-{count}t" for count in threads]
    assert [(device.name, device.platform) for device in devices] == [
        *((name, "ANDROID") for name in names),
        *((f"{name}-ios", "IOS") for name in names),
    ]
    assert [host.threads_of(device.name) for device in devices] == threads * 2


def test_a_device_says_what_it_is() -> None:
    for device in host.host_devices():
        assert device.type == "host processor"
        assert device.os == f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"
        assert device.cpu is not None
        assert device.cpu.architecture == platform.machine()
        assert device.to_wire()["platform"] in ("ANDROID", "IOS")


@pytest.mark.parametrize("name", ["host-cpu-0t", "host-cpu-999t", "Pixel 8", ""])
def test_a_device_of_another_host_is_unknown(name: str) -> None:
    with pytest.raises(KeyError):
        host.threads_of(name)


@pytest.mark.parametrize(
    ("cpuinfo", "vendor", "frequency"),
    [
        ("vendor_id\t: AuthenticAMD\ncpu MHz\t\t: 3400.123\nmodel name\t: EPYC\n\nvendor_id : no", "AMD", "3.40 GHz"),
        ("CPU implementer\t: 0x41\n", "Arm", None),
        ("CPU implementer\t: 0x99\n", "0x99", None),
        ("", "", None),
    ],
)
def test_vendor_and_frequency_are_those_the_system_tells(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cpuinfo: str, vendor: str, frequency: str | None
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(cpuinfo)
    monkeypatch.setattr(host, "_CPUINFO", file)
    monkeypatch.setattr(host, "_MAX_FREQUENCY", tmp_path / "missing")
    host.read_cpuinfo.cache_clear()
    try:
        device = host.host_devices()[0]
    finally:
        host.read_cpuinfo.cache_clear()
    assert device.cpu is not None
    assert (device.vendor, device.cpu.frequency) == (vendor, frequency)
