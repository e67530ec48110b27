"""Carries out one job: measures the model on one of this host's devices and writes the results' archive.

Nothing of the model is read in this process: each session is a child behind the sandbox's walls. One job at a time
is for the server to see to; two at once disturb each other's figures and nothing else.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from orchestrator.localcloud.flags import FlagError, Settings, read_flags
from orchestrator.localcloud.host import threads_of, total_memory_bytes
from orchestrator.localcloud.litert_files import litert_files
from orchestrator.localcloud.onnx_files import onnx_files
from orchestrator.localcloud.outcome import Outcome
from orchestrator.localcloud.sessions import Bench, Fault
from orchestrator.protocol.results import write_results

RESULTS_FILE = "results.zip"

_MEMORY_SHARE = 0.6  # of the host's, so that the host itself stays well


@dataclass(frozen=True, kw_only=True)
class WorkOrder:
    """A model to be measured; its folder holds it and its external data, nothing else.

    `params` are the bundle's flags. `timeout_s` is for all of it. `memory_bytes` is what the model may have, by
    default most of the host's.
    """

    device_name: str
    model_path: Path
    params: Mapping[str, str]
    timeout_s: float
    memory_bytes: int = field(default_factory=lambda: int(total_memory_bytes() * _MEMORY_SHARE))


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """A kind of model: who runs it, and what its results look like."""

    runtime: str
    files: Callable[[Outcome], Mapping[str, bytes | Path]]


_KINDS = {
    ".onnx": _Kind(runtime="onnx", files=onnx_files),
    ".tflite": _Kind(runtime="litert", files=litert_files),
}


def execute(order: WorkOrder, scratch: Path, stop: Event | None = None) -> Path:
    """Measures, and returns the archive it wrote into the empty folder `scratch`.

    What the model does wrong is told by the files in the archive. Raises `sessions.Stopped` when `stop` is set
    meanwhile, and KeyError on a device or a kind of model that this host does not have.
    """
    kind = _KINDS[order.model_path.suffix]
    outcome = _outcome(order, kind.runtime, scratch, stop)
    results = scratch / RESULTS_FILE
    write_results(kind.files(outcome), results)
    return results


def _outcome(order: WorkOrder, runtime: str, scratch: Path, stop: Event | None) -> Outcome:
    threads, size_bytes = threads_of(order.device_name), order.model_path.stat().st_size
    try:
        settings = read_flags(order.params, device_threads=threads)
    except FlagError as error:
        refused = Fault(kind="model_unsupported", reason=str(error))
        return Outcome(settings=Settings(threads=threads), measured=refused, model_size_bytes=size_bytes)
    bench = Bench(
        model_path=order.model_path,
        settings=settings,
        scratch=scratch,
        memory_bytes=order.memory_bytes,
        deadline_s=time.monotonic() + order.timeout_s,
        stop=stop,
    )
    first = bench.measure(runtime)
    second = None if isinstance(first.found, Fault) else bench.profile(runtime)
    return Outcome(
        settings=settings,
        measured=first.found,
        model_size_bytes=size_bytes,
        walls=first.walls,
        printed=first.printed,
        profiled=second,
    )
