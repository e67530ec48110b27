"""Phones as devices: what is told of them, their names, their coming and going."""

import importlib.util
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import UsageError
from orchestrator.localcloud.android.adb import MISSING, Adb, Attached, find_adb, parse_devices
from orchestrator.localcloud.android.beside import open_adb
from orchestrator.localcloud.android.names import Names
from orchestrator.localcloud.android.phone import Phone, parse_phone
from orchestrator.localcloud.android.phones import Phones
from orchestrator.localcloud.android.reading import parse_reading
from orchestrator.localcloud.android.trouble import Trouble

SEEN = """\
* daemon not running; starting now at tcp:5037
* daemon started successfully
adb server version (41) doesn't match this client (39); killing...
List of devices attached
0A3B51\tdevice usb:1-1 product:shiba model:Pixel_8 device:shiba transport_id:1
192.168.1.7:5555       unauthorized transport_id:2
emulator-5554          offline transport_id:3
????????????           no permissions (missing udev rules? user is in the plugdev group); see [x] usb:3-1
FA7    sideload transport_id:5
"""


def test_adbs_list_is_read_with_all_its_states_and_without_its_chatter() -> None:
    assert [(found.serial, found.state, found.transport) for found in parse_devices(SEEN)] == [
        ("0A3B51", "device", "1"),
        ("192.168.1.7:5555", "unauthorized", "2"),
        ("emulator-5554", "offline", "3"),
        ("????????????", "no permissions", ""),
        ("FA7", "sideload", "5"),
    ]


def test_a_phone_is_told_of_as_its_properties_describe_it(adb: Adb, phone: Any, tmp_path: Path) -> None:
    (phone.root / "sys/devices/system/cpu/cpu7/cpufreq").mkdir(parents=True)
    (phone.root / "sys/devices/system/cpu/cpu7/cpufreq/cpuinfo_max_freq").write_text("2914000\n")
    (device,) = Phones(adb, Names(tmp_path / "names.json", taken=())).devices()
    assert (device.name, device.vendor, device.os) == ("Pixel Pretend", "Pretend", "Android 16")
    assert (device.platform, device.type) == ("ANDROID", "phone")
    assert device.cpu
    assert (device.cpu.architecture, device.cpu.frequency) == ("PretendSilicon P9000, arm64-v8a", "2.91 GHz")


def test_phones_come_and_go_and_keep_their_names(
    adb: Adb, adb_server: Any, attach: Callable[..., Any], tmp_path: Path
) -> None:
    def phones() -> Phones:
        return Phones(adb, Names(tmp_path / "names.json", taken=("host-cpu-1t",)))

    def names() -> list[str]:
        return [device.name for device in known.devices()]

    known = phones()
    assert names() == []
    first = attach(ro__serialno="AAAA1111")
    assert names() == ["Pixel Pretend"]
    second = attach(ro__serialno="BBBB2222")
    assert sorted(names()) == ["Pixel Pretend", "Pixel Pretend (2222)"]
    adb_server.run("disconnect", first.address)
    known = phones()
    assert names() == ["Pixel Pretend (2222)"]
    with pytest.raises(Trouble, match="the phone is not attached: attach it"):
        known.wait_for("Pixel Pretend", at_most_s=0)
    second.fault("unauthorized")
    second.drop()
    adb_server.run("-s", second.address, "wait-for-disconnect")
    with pytest.raises(Trouble, match="the phone is"):
        known.wait_for("Pixel Pretend (2222)", at_most_s=0)


def test_a_phone_that_does_not_know_this_computer_is_no_device(
    adb: Adb, attach: Callable[..., Any], tmp_path: Path
) -> None:
    attach("unauthorized")
    (found,) = adb.devices()
    assert found.state in ("unauthorized", "authorizing")
    assert Phones(adb, Names(tmp_path / "names.json", taken=())).devices() == ()


def phone_called(model: str, identity: str) -> Phone:
    """A phone."""
    return Phone(serial="x", identity=identity, model=model, vendor="", os="", soc="", abi="", frequency="")


def test_names_are_unique_whatever_phones_call_themselves(tmp_path: Path) -> None:
    names = Names(tmp_path / "names.json", taken=("host-cpu-1t",))
    alike = [phone_called("Pixel", "a-1234"), phone_called("Pixel", "b-1234"), phone_called("host-cpu-1t", "c")]
    given = names.name(alike)
    assert given == {"a-1234": "Pixel (1234)", "b-1234": "Pixel (b-1234)", "c": "host-cpu-1t (c)"}
    later = Names(tmp_path / "names.json", taken=()).name([phone_called("Pixel", "d-9999"), alike[1]])
    assert later == {"d-9999": "Pixel", "b-1234": "Pixel (b-1234)"}


@pytest.mark.parametrize("text", ["[]", "{", '{"a": 1}'])
def test_a_file_of_names_that_is_broken_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "names.json").write_text(text)
    with pytest.raises(UsageError, match=r"names\.json does not hold the names of phones"):
        Names(tmp_path / "names.json", taken=())


@given(st.text(), st.dictionaries(st.sampled_from(["ro.product.model", "ro.serialno", "ro.soc.model"]), st.text()))
def test_whatever_a_phone_says_is_one_bounded_line(noise: str, properties: dict[str, str]) -> None:
    text = "".join(f"[{name}]: [{value}]\n" for name, value in properties.items()) + noise
    phone = parse_phone("serial", text)
    device = phone.device(phone.model)
    told = [phone.identity, *(str(value) for value in device.model_dump().values())]
    assert phone.model
    assert all(value.isprintable() and len(value) < 500 for value in told)


@given(st.text() | st.from_regex(r"Thermal Status: .{0,9}\n  level: .{0,9}\n  scale: .{0,3}\n  temperature: .{0,9}\n"))
def test_whatever_its_services_say_is_read_or_unknown(text: str) -> None:
    json.dumps(asdict(parse_reading(text)), allow_nan=False)
    parse_devices(text)


def test_the_binary_is_the_variables_then_the_paths_then_the_packages(tmp_path: Path) -> None:
    own = tmp_path / "adb"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert find_adb({"ADB": str(own), "PATH": ""}) == own
    assert find_adb({"PATH": str(tmp_path)}) == own
    bundled = find_adb({"PATH": ""})
    assert bundled
    assert bundled.parent.parent.name == "adbutils"
    with pytest.raises(UsageError, match="ADB is set to '/nowhere/adb', which is no program"):
        find_adb({"ADB": "/nowhere/adb"})


@pytest.mark.parametrize(
    ("script", "told"), [("echo error: cannot connect to daemon; exit 1", "cannot connect to daemon"), (None, MISSING)]
)
def test_an_adb_that_is_not_there_or_does_not_work_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str | None, told: str
) -> None:
    if script:
        (tmp_path / "adb").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "adb").chmod(0o755)
    else:
        monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=re.escape(told)):
        open_adb()


def test_only_a_phone_that_takes_commands_is_ready() -> None:
    assert Attached(serial="a", state="device", transport="1").is_ready
    assert not Attached(serial="a", state="offline", transport="1").is_ready
