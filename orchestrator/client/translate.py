"""The device cloud's wire types in the words of the domain."""

from orchestrator.client.foreign_text import harmless
from orchestrator.domain.device import Device, Platform
from orchestrator.domain.job import Phase
from orchestrator.domain.model import ModelFormat
from orchestrator.protocol import device_cloud as wire

MAX_STATUS_CHARS = 80
MAX_NAME_CHARS = 256


def to_device(device: wire.Device) -> Device | None:
    """The device, or None where its platform is unknown or its name is no name.

    The name stays exactly as the cloud has it: it is what a job is submitted with.
    """
    if device.platform not in set(Platform) or not device.name.strip() or len(device.name) > MAX_NAME_CHARS:
        return None
    return Device(
        name=device.name,
        platform=Platform(device.platform),
        os=harmless(device.os),
        vendor=harmless(device.vendor),
        type=harmless(device.type),
        cpu=_cpu(device.cpu),
        formats=tuple(format for format in ModelFormat if format in (device.model_formats or ())),
    )


def _cpu(cpu: wire.Cpu | None) -> str:
    if cpu is None:
        return ""
    told = (cpu.architecture, cpu.frequency, cpu.clock)
    return harmless(" ".join(str(part) for part in told if part not in (None, "")))


def is_known(status: str) -> bool:
    """Whether the status is one of the protocol's."""
    return status in wire.WAITING_STATUSES | wire.ACTIVE_STATUSES | wire.FINAL_STATUSES


def to_phase(status: str) -> Phase:
    """What a job's status means; an unknown one counts as active."""
    if status in wire.WAITING_STATUSES:
        return Phase.WAITING
    return Phase.FINAL if status in wire.FINAL_STATUSES else Phase.ACTIVE
