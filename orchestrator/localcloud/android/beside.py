"""Puts the attached phones beside this computer's processors in one local cloud."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

from orchestrator.errors import UsageError
from orchestrator.localcloud.android.adb import MISSING, Adb, AdbError, find_adb
from orchestrator.localcloud.android.care import Care
from orchestrator.localcloud.android.names import Names
from orchestrator.localcloud.android.phones import Phones
from orchestrator.localcloud.android.work import PhoneBench
from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.worker import WorkOrder
from orchestrator.protocol.device_cloud import Device

NAMES_FILE = "phones.json"


@contextmanager
def phones_beside(config: CloudConfig, *, tools: Path, care: Care) -> Iterator[CloudConfig]:
    """A configuration with phones, for a server that runs inside the block; afterwards nothing is left on them.

    Raises UsageError where there is no adb, or it does not work.
    """
    adb = open_adb()
    ours = frozenset(device.name for device in config.devices())
    phones = Phones(adb, Names(config.data_dir / NAMES_FILE, taken=ours))
    bench = PhoneBench(adb, phones, care, tools)

    def devices() -> tuple[Device, ...]:
        return (*config.devices(), *phones.devices())

    def execute(order: WorkOrder, scratch: Path, *, stop: Event | None = None) -> Path:
        run: Callable[..., Path] = config.execute if order.device_name in ours else bench.execute
        return run(order, scratch, stop=stop)

    def lane(device_name: str) -> str:
        return config.lane(device_name) if device_name in ours else device_name

    try:
        yield replace(config, devices=devices, execute=execute, lane=lane)
    finally:
        bench.leave_nothing()


def open_adb() -> Adb:
    """The adb of this computer, with its server running. Raises UsageError."""
    binary = find_adb(os.environ)
    if binary is None:
        raise UsageError(MISSING)
    adb = Adb(binary=binary)
    try:
        adb.devices()
    except (AdbError, OSError) as error:
        message = f"{binary} does not work: {error}"
        raise UsageError(message) from None
    return adb
