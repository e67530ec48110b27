"""The children that measure, as seen from outside: how they are started, and what each of their ends means."""

import re
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from orchestrator.localcloud.findings import Measured, Profiled
from orchestrator.localcloud.flags import Settings
from orchestrator.sandbox.child import ChildLimits, ChildResult, run_child

Kind = Literal["model_crash", "model_unsupported", "out_of_memory", "run_timeout", "device"]

_PROFILE_MAX_S = 120.0
_RAW_PROFILE_BYTES, _PROFILE_BYTES = 256 << 20, 32 << 20
_REASON_CHARS = 1000
_MODEL_KINDS = ("model_crash", "model_unsupported", "out_of_memory")
_NO_MEMORY = re.compile(r"bad_alloc|cannot allocate memory", re.IGNORECASE)

_Found = TypeVar("_Found", Measured, Profiled)


class Stopped(Exception):
    """The caller wanted the measurement to end."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Why a session has no result; the kind is that of a job's failure."""

    kind: Kind
    reason: str


@dataclass(frozen=True, kw_only=True)
class Session:
    """The first session, ended: what it found or why it did not, the walls around it, and what was printed."""

    found: Measured | Fault
    walls: Mapping[str, bool | int]
    printed: str


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What the second session left: a file in its folder, and its median run in milliseconds."""

    path: Path
    run_ms: float


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the sessions of one model have in common. `deadline_s` is on the monotonic clock."""

    model_path: Path
    settings: Settings
    scratch: Path
    memory_bytes: int
    deadline_s: float
    stop: Event | None = None

    def measure(self, runtime: str) -> Session:
        """The first session, with "onnx" or "litert". Raises Stopped."""
        result = self._run(f"{runtime}_latency", self._left_s())
        return Session(found=found_in(result, "measured", Measured), walls=_walls(result), printed=result.stderr)

    def profile(self, runtime: str) -> Profile | Fault:
        """The second session, or why it gave no profile. Raises Stopped."""
        module, left_s = f"{runtime}_profile", self._left_s()
        if left_s <= 0:
            return Fault(kind="run_timeout", reason="its time was up")
        found = found_in(self._run(module, min(_PROFILE_MAX_S, left_s)), "profiled", Profiled)
        if isinstance(found, Fault):
            return found
        path = self.scratch / module / found.file
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _PROFILE_BYTES:
            return Fault(kind="device", reason="the profiler left no file that could be used")
        return Profile(path=path, run_ms=found.run_ms)

    def _left_s(self) -> float:
        return self.deadline_s - time.monotonic()

    def _run(self, module: str, wall_s: float) -> ChildResult:
        folder = self.scratch / module
        folder.mkdir()
        limits = ChildLimits(
            wall_s=wall_s,
            memory_bytes=self.memory_bytes,
            cpu_s=int(wall_s * (self.settings.threads + 1)) + 5,  # the wall comes first, whatever the threads do
            file_bytes=_RAW_PROFILE_BYTES,
        )
        result = run_child(
            f"orchestrator.localcloud.measure.{module}",
            {**asdict(self.settings), "model": str(self.model_path.resolve())},
            limits=limits,
            readable=[self.model_path.parent],
            scratch=folder,
            kill=self.stop,
        )
        if result.killed == "stopped":
            raise Stopped
        return result


def found_in(result: ChildResult, stage: str, kind: type[_Found]) -> _Found | Fault:
    """The message of this stage, whole and as it should be, else the reason why there is none."""
    message = _last(result, stage)
    if message is None:
        return _fault(result)
    try:
        return kind.model_validate(message)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return Fault(kind="device", reason=_line(f"the measurement reported nonsense at {place}: {first['msg']}"))


def _fault(result: ChildResult) -> Fault:
    failed, error = _last(result, "failed"), _last(result, "error")
    if failed and failed.get("kind") in _MODEL_KINDS:
        return Fault(kind=failed["kind"], reason=_line(str(failed.get("reason"))))
    doing = "while running the model" if _last(result, "running") else "while loading the model"
    if result.killed:
        return _killed(result.killed, doing)
    if error and error.get("type") == "MemoryError":
        return Fault(kind="out_of_memory", reason=f"memory ran out {doing}")
    if error:
        return Fault(kind="device", reason=f"the measurement failed {doing}: {_line(str(error.get('type')))}")
    if result.returncode < 0:
        return _died(-result.returncode, doing, result.stderr)
    return Fault(kind="device", reason=f"the measurement ended {doing}, with exit code {result.returncode}")


def _killed(why: str, doing: str) -> Fault:
    if why == "timeout":
        return Fault(kind="run_timeout", reason=f"its time was up {doing}")
    if why == "memory":
        return Fault(kind="out_of_memory", reason=f"it took more memory than a model may have here, {doing}")
    return Fault(kind="model_crash", reason=f"it printed more than a model may, {doing}")


def _died(number: int, doing: str, printed: str) -> Fault:
    """By a signal that we did not send. The system's own SIGKILL is its way to get memory back."""
    if number == signal.SIGKILL or (number == signal.SIGABRT and _NO_MEMORY.search(printed)):
        return Fault(kind="out_of_memory", reason=f"memory ran out {doing}")
    return Fault(kind="model_crash", reason=f"the process crashed {doing}: {signal.strsignal(number)}")


def _line(text: str) -> str:
    """The child's words as one line of bearable length, for a log's sake."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:_REASON_CHARS])


def _last(result: ChildResult, stage: str) -> dict[str, Any] | None:
    return next((message for message in reversed(result.messages) if message.get("stage") == stage), None)


def _walls(result: ChildResult) -> Mapping[str, bool | int]:
    """As told before the model was touched: the first such message, whatever came later."""
    ready: dict[str, Any] = next((message for message in result.messages if message.get("stage") == "ready"), {})
    return dict(ready.get("walls", {}))
