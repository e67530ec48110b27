"""The devices of a cloud while it is served: some of them may come and go."""

from collections.abc import Callable

from orchestrator.protocol.device_cloud import Device


class Fleet:
    """Asks anew each time, and remembers those that it has seen."""

    def __init__(self, devices: Callable[[], tuple[Device, ...]]) -> None:
        self._devices = devices
        self._seen: dict[str, Device] = {}

    def present(self) -> tuple[Device, ...]:
        """Those that are here now."""
        found = self._devices()
        self._seen.update((device.name, device) for device in found)
        return found

    def find(self, name: str) -> Device | None:
        """A device that is here, or was and may come back; None where nobody has heard of it."""
        self.present()
        return self._seen.get(name)
