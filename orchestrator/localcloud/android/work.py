"""Carries out jobs on phones, as `worker.execute` does on this computer. One at a time on each is for others to see."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from threading import Event

from orchestrator.localcloud.android.adb import Adb, AdbError
from orchestrator.localcloud.android.care import Care, rest
from orchestrator.localcloud.android.files import Files, PhoneRun, failed_files, phone_files
from orchestrator.localcloud.android.phones import Phones
from orchestrator.localcloud.android.place import Place, leave_nothing
from orchestrator.localcloud.android.sessions import Sessions
from orchestrator.localcloud.android.tool import tool_for
from orchestrator.localcloud.android.tool_flags import ToolFlags, read_tool_flags
from orchestrator.localcloud.android.trouble import Trouble, words_of
from orchestrator.localcloud.flags import FlagError
from orchestrator.localcloud.sessions import Fault
from orchestrator.localcloud.worker import RESULTS_FILE, WorkOrder
from orchestrator.protocol.results import write_results

LOG = logging.getLogger(__name__)


class PhoneBench:
    """Measures on phones; `tools` is the folder with the installed binaries of `benchmark_model`."""

    def __init__(self, adb: Adb, phones: Phones, care: Care, tools: Path) -> None:
        self._adb = adb
        self._phones = phones
        self._care = care
        self._tools = tools
        self._ended_s: dict[str, float] = {}  # when each phone's last job was over, on the monotonic clock
        self._serials: set[str] = set()

    def execute(self, order: WorkOrder, scratch: Path, *, stop: Event | None = None) -> Path:
        """Measures, and returns the archive it wrote into `scratch`; what goes wrong is told in it. Raises Stopped."""
        results = scratch / RESULTS_FILE
        write_results(self._files(order, scratch, stop), results)
        return results

    def leave_nothing(self) -> None:
        """Removes everything of ours from the phones that were measured on."""
        for serial in sorted(self._serials):
            leave_nothing(self._adb, serial)

    def _files(self, order: WorkOrder, scratch: Path, stop: Event | None) -> Files:
        try:
            if order.model_path.suffix != ".tflite":
                message = "a phone on a cable runs .tflite models, this one is another kind"
                raise Trouble(message, kind="model_unsupported")
            flags = read_tool_flags(order.params)
            return phone_files(self._measure(order, flags, scratch, stop))
        except FlagError as error:
            return failed_files(Fault(kind="model_unsupported", reason=str(error)))
        except Trouble as trouble:
            LOG.warning("%s: %s", order.device_name, trouble)
            return failed_files(trouble.fault)

    def _measure(self, order: WorkOrder, flags: ToolFlags, scratch: Path, stop: Event | None) -> PhoneRun:
        name, care = order.device_name, self._care
        rest(self._ended_s.get(name, -care.cooldown_s) + care.cooldown_s - time.monotonic(), stop)
        phone = self._phones.wait_for(name, at_most_s=care.attach_s, stop=stop)
        tool = tool_for(phone.abi, self._tools)
        self._serials.add(phone.serial)
        place = Place(adb=self._adb, serial=phone.serial, job=token_hex(8), stop=stop)
        try:
            with self._as_trouble(name):
                place.make()
                now_s = time.monotonic()
                sessions = Sessions(
                    adb=self._adb,
                    place=place,
                    tool=place.put_tool(tool),
                    model=place.put(order.model_path, "model.tflite"),
                    flags=flags.values,
                    care=care,
                    scratch=scratch,
                    fit_by_s=now_s + care.settle_s,
                    over_by_s=now_s + order.timeout_s,
                    stop=stop,
                )
                return _run(sessions, flags)
        finally:
            place.remove()
            self._ended_s[name] = time.monotonic()

    @contextmanager
    def _as_trouble(self, name: str) -> Iterator[None]:
        """Turns what adb reports into the phone's trouble, with how it stands now."""
        try:
            yield
        except AdbError as error:
            try:
                state = self._phones.state_of(name)
            except AdbError:
                state = "unknown"
            now = "" if state == "device" else f"; the phone is now {words_of(state)}"
            message = f"the phone failed: {error}{now}"
            raise Trouble(message) from error


def _run(sessions: Sessions, flags: ToolFlags) -> PhoneRun:
    """Where the model cannot be timed, nothing else is asked of it."""
    latency = sessions.latency()
    if latency.code:
        return PhoneRun(latency=latency, ignored=flags.ignored)
    return PhoneRun(latency=latency, memory=sessions.memory(), profile=sessions.profile(), ignored=flags.ignored)
