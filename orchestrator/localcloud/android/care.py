"""When a phone is fit to be measured: cool, charged, and rested."""

import time
from dataclasses import dataclass
from threading import Event

from orchestrator.localcloud.android.adb import Adb
from orchestrator.localcloud.android.reading import Reading, read_phone
from orchestrator.localcloud.android.trouble import Trouble
from orchestrator.localcloud.sessions import Stopped


@dataclass(frozen=True, kw_only=True)
class Care:
    """What is asked of a phone before a session, and how long is waited for it.

    `min_battery` is a fraction. `cooldown_s` lies between two jobs of a phone, `settle_s` is the longest wait of a
    job for its phone to be fit, `look_every_s` the time between two looks, `attach_s` the wait for one that is away.
    """

    min_battery: float = 0.2
    cooldown_s: float = 5.0
    settle_s: float = 300.0
    look_every_s: float = 5.0
    attach_s: float = 90.0

    def unfit(self, reading: Reading) -> str:
        """Why the phone should not be measured now; "" where it is fit."""
        if reading.thermal_status:
            return f"its thermal status is {reading.thermal_status}: it is hot and slows itself down"
        level = reading.battery_percent
        if level is not None and level < 100 * self.min_battery:
            return f"its battery is at {level:.0f}%, and {self.min_battery:.0%} are asked for: charge it"
        return ""


def wait_until_fit(adb: Adb, serial: str, care: Care, deadline_s: float, stop: Event | None) -> Reading:
    """The reading with which it was fit. Raises Trouble where it is not by the deadline, AdbError, Stopped.

    A phone that was hot is not fit because for a moment it does not tell.
    """
    stop, was_hot = stop or Event(), False
    while True:
        reading = read_phone(adb, serial)
        unfit = care.unfit(reading)
        if was_hot and reading.thermal_status is None:
            unfit = "it was hot, and does not tell its thermal status now"
        if not unfit:
            return reading
        was_hot = was_hot or bool(reading.thermal_status)
        if time.monotonic() >= deadline_s:
            message = f"the phone did not become fit to be measured: {unfit}"
            raise Trouble(message)
        rest(care.look_every_s, stop)


def rest(seconds: float, stop: Event | None) -> None:
    """Lets time pass. Raises Stopped."""
    if (stop or Event()).wait(max(0.0, seconds)):
        raise Stopped
