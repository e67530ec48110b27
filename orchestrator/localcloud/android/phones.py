"""The phones that are attached right now, under their names."""

import logging
import time
from threading import Event, Lock

from orchestrator.localcloud.android.adb import Adb, AdbError, Attached
from orchestrator.localcloud.android.names import Names
from orchestrator.localcloud.android.phone import Phone, ask_phone
from orchestrator.localcloud.android.trouble import GONE, Trouble, words_of
from orchestrator.protocol.device_cloud import Device

LOG = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0


class Phones:
    """Looks anew at every call: phones come and go. Safe to use from several threads."""

    def __init__(self, adb: Adb, names: Names) -> None:
        self._adb = adb
        self._names = names
        self._asked: dict[Attached, Phone] = {}
        self._serials: dict[str, str] = {}  # where each name was seen last
        self._lock = Lock()
        self._said = ""

    def devices(self) -> tuple[Device, ...]:
        """Those that take commands. Where adb fails there are none, and the log says why."""
        try:
            return tuple(phone.device(name) for name, phone in self._look().items())
        except AdbError as error:
            if str(error) != self._said:
                LOG.warning("adb gives no list of phones: %s", error)
                self._said = str(error)
            return ()

    def wait_for(self, name: str, *, at_most_s: float, stop: Event | None = None) -> Phone:
        """The phone, once it takes commands; a phone that restarts takes a minute. Raises Trouble after that time."""
        deadline_s, stop = time.monotonic() + at_most_s, stop or Event()
        while True:
            try:
                if phone := self._look(stop).get(name):
                    return phone
                state = self.state_of(name)
            except AdbError as error:
                state = f"not to be reached ({error})"
            if time.monotonic() >= deadline_s:
                message = f"the phone is {words_of(state)}"
                raise Trouble(message)
            stop.wait(LOOK_EVERY_S)

    def state_of(self, name: str) -> str:
        """What adb says of it, GONE where it says nothing. Raises AdbError."""
        serial = self._serials.get(name)
        return next((found.state for found in self._adb.devices() if found.serial == serial), GONE)

    def _look(self, stop: Event | None = None) -> dict[str, Phone]:
        """The phones by name."""
        with self._lock:
            ready = [found for found in self._adb.devices(stop) if found.is_ready]
            self._asked = {found: phone for found in ready if (phone := self._asked.get(found) or self._ask(found))}
            phones = {phone.identity: phone for phone in reversed(self._asked.values())}
            names = self._names.name(phones.values())
            found = {names[identity]: phones[identity] for identity in reversed(phones)}
            self._serials |= {name: phone.serial for name, phone in found.items()}
            return found

    def _ask(self, attached: Attached) -> Phone | None:
        """None where it has gone again, or does not answer yet."""
        try:
            return ask_phone(self._adb, attached)
        except AdbError as error:
            LOG.warning("a phone that adb lists does not answer: %s", error)
            return None
