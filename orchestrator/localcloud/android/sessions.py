"""The sessions of a job on a phone, each a process of its own: latency, then memory, then the operators.

The profiler costs time and the watch over the memory disturbs, so neither runs beside the latency.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Event

from orchestrator.localcloud.android.adb import Adb, AdbError, TookTooLong
from orchestrator.localcloud.android.care import Care, wait_until_fit
from orchestrator.localcloud.android.place import Place
from orchestrator.localcloud.android.reading import Reading, read_phone
from orchestrator.localcloud.android.trouble import Trouble
from orchestrator.localcloud.sessions import Fault, Kind
from orchestrator.protocol.proto_table import MAX_PROTO_BYTES

LATENCY_RESULT, MEMORY_RESULT, PROFILE = "latency.pb", "memory.pb", "profile.pb"
BRIEF = {"num_runs": "10", "warmup_runs": "1", "min_secs": "0", "warmup_min_secs": "0"}  # memory needs no statistics
SECOND_S = 120.0  # at most for a session after the first

_SIGNALS: dict[int, tuple[Kind, str]] = {
    132: ("model_crash", "an illegal instruction"),
    134: ("model_crash", "it gave up"),
    135: ("model_crash", "a bus error"),
    136: ("model_crash", "an arithmetic error"),
    137: ("out_of_memory", "the phone ended it, as phones do when memory runs out"),
    139: ("model_crash", "a segmentation fault"),
}
_NOT_RUN = (126, 127)


@dataclass(frozen=True, kw_only=True)
class Session:
    """A session that came to its end: what the tool printed, its exit code, its file, and the phone around it."""

    name: str
    text: str
    code: int
    before: Reading
    after: Reading
    file: Path | None

    @property
    def fault(self) -> Fault | None:
        """Why the tool ended as it did, where its exit code says more than its words."""
        if self.code in _NOT_RUN:
            return Fault(kind="device", reason=f"the phone cannot run the installed benchmark_model (code {self.code})")
        if self.code in _SIGNALS:
            kind, why = _SIGNALS[self.code]
            return Fault(kind=kind, reason=f"the tool's process ended with the model in it: {why}")
        return None


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """What the sessions of one job share.

    On the monotonic clock, the phone must be fit by `fit_by_s`, and all sessions be over by `over_by_s`.
    """

    adb: Adb
    place: Place
    tool: PurePosixPath
    model: PurePosixPath
    flags: Mapping[str, str]
    care: Care
    scratch: Path
    fit_by_s: float
    over_by_s: float
    stop: Event | None

    def latency(self) -> Session:
        """The timed runs. Raises Trouble, AdbError and Stopped."""
        own = {"enable_op_profiling": "false", "report_peak_memory_footprint": "false"}
        return self._run("latency", {**self.flags, **own, "result_file_path": LATENCY_RESULT}, LATENCY_RESULT)

    def memory(self) -> Session | Fault:
        """A few runs under the watch over the memory."""
        own = {"enable_op_profiling": "false", "report_peak_memory_footprint": "true"}
        return self._second("memory", {**self.flags, **BRIEF, **own, "result_file_path": MEMORY_RESULT}, MEMORY_RESULT)

    def profile(self) -> Session | Fault:
        """The runs under the operators' profiler."""
        own = {
            "enable_op_profiling": "true",
            "report_peak_memory_footprint": "false",
            "op_profiling_output_mode": "proto",
            "op_profiling_output_file": PROFILE,
        }
        return self._second("profile", {**self.flags, **own}, PROFILE)

    def _second(self, name: str, flags: Mapping[str, str], file: str) -> Session | Fault:
        """A session whose failure costs its own figures alone."""
        try:
            session = self._run(name, flags, file, at_most_s=SECOND_S)
        except Trouble as trouble:
            return trouble.fault
        except AdbError as error:
            return Fault(kind="device", reason=str(error))
        if session.code:
            return session.fault or Fault(kind="device", reason=f"the tool ended with exit code {session.code}")
        return session

    def _run(self, name: str, flags: Mapping[str, str], file: str, *, at_most_s: float = math.inf) -> Session:
        before = wait_until_fit(self.adb, self.place.serial, self.care, self.fit_by_s, self.stop)
        arguments = [f"--{flag}={value}" for flag, value in {"graph": str(self.model), **flags}.items()]
        limit_s = min(at_most_s, max(0.0, self.over_by_s - time.monotonic()))
        try:
            said = self.place.run(self.tool, arguments, timeout_s=limit_s)
        except TookTooLong:
            message = f"the {name} session did not end in {limit_s:.0f} s"
            raise Trouble(message, kind="run_timeout") from None
        after = read_phone(self.adb, self.place.serial)
        into = self.scratch / name
        into.mkdir()
        found = None if said.code else self.place.fetch(file, into, max_bytes=MAX_PROTO_BYTES)
        return Session(name=name, text=said.text, code=said.code, before=before, after=after, file=found)
