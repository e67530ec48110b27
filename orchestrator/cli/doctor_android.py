"""What `bench doctor` says of phones: adb, each phone that it sees, and the program that measures on them."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator.cli.finding import Finding
from orchestrator.cli.home import phone_tools
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.localcloud.android.adb import Adb


def phone_findings() -> Iterator[Finding]:
    """Only needed for `adb: true` and `--adb`. Where there is adb, its server is started if it was not."""
    from orchestrator.localcloud.android.adb import MISSING, Adb, AdbError, find_adb

    try:
        binary = find_adb(os.environ)
        if binary is None:
            yield Finding(name="adb", ok=False, found="not installed (phones on a cable)", advice=MISSING)
            return
        adb = Adb(binary=binary)
        yield Finding(name="adb", ok=True, found=f"{adb.version()} (phones on a cable)")
        yield from _phones(adb)
        yield _tool()
    except (AdbError, UsageError, OSError) as error:
        advice = "see what 'adb devices' says; 'adb kill-server' ends a server that is stuck"
        yield Finding(name="adb", ok=False, found=str(error), advice=advice)


def _phones(adb: "Adb") -> Iterator[Finding]:
    from orchestrator.localcloud.android.adb import AdbError
    from orchestrator.localcloud.android.phone import ask_phone
    from orchestrator.localcloud.android.trouble import ADVICE

    seen = adb.devices()
    if not seen:
        advice = "attach a phone with USB debugging on (Settings, Developer options)"
        yield Finding(name="phone", ok=False, found="none is attached", advice=advice)
    for attached in seen:
        try:
            phone = ask_phone(adb, attached) if attached.is_ready else None
            state = attached.state
        except AdbError as error:
            phone, state = None, f"does not answer: {error}"
        if phone:
            yield Finding(name=f"phone {phone.model}", ok=True, found=f"{phone.os}, {phone.soc or phone.abi}: ready")
        else:
            advice = ADVICE.get(state, "unplug it and plug it in again")
            yield Finding(name=f"phone {attached.serial}", ok=False, found=state, advice=advice)


def _tool() -> Finding:
    from orchestrator.localcloud.android.tool import COMMAND, installed

    found = ", ".join(tool.abi for tool in installed(phone_tools()))
    words = f"installed for {found}" if found else "not installed (phones run .tflite with it)"
    return Finding(name="benchmark_model", ok=bool(found), found=words, advice=COMMAND)
