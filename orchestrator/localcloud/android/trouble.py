"""What ends a job because of the phone or the cable to it, and what its owner can do."""

from orchestrator.localcloud.sessions import Fault, Kind

# What adb says of a phone that cannot be used, and the way out.
ADVICE = {
    "unauthorized": "unlock it and allow USB debugging for this computer",
    "authorizing": "unlock it and allow USB debugging for this computer",
    "offline": "unplug it and plug it in again, or switch USB debugging off and on",
    "connecting": "wait a moment",
    "no permissions": "give your user access to it: on Linux a udev rule, or the group plugdev",
    "bootloader": "restart it to Android",
    "recovery": "restart it to Android",
    "rescue": "restart it to Android",
    "sideload": "restart it to Android",
    "host": "switch its USB mode to device",
}
GONE = "not attached"


class Trouble(Exception):
    """A job that ends because of its phone; `fault` has the failure kind."""

    def __init__(self, reason: str, *, kind: Kind = "device") -> None:
        super().__init__(reason)
        self.fault = Fault(kind=kind, reason=reason)


def words_of(state: str) -> str:
    """The state that adb reports, or GONE, with the way out."""
    return f"{state}: {ADVICE.get(state, 'attach it, with USB debugging on')}"
