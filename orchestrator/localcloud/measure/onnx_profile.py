"""The child that profiles an ONNX model: ONNX Runtime's own profile file, without its first runs."""

import json
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from orchestrator.localcloud.measure.failure import Failure, failing_as
from orchestrator.localcloud.measure.onnx_runtime import OnnxRuntime
from orchestrator.localcloud.measure.profiling import WARM_RUNS, run_profiled, tell_profile
from orchestrator.localcloud.measure.runtime import Spec, feed, inputs_for
from orchestrator.protocol.onnxruntime_profile import PROFILE_FILE
from orchestrator.sandbox.inside import Say, serve

MAX_PROFILE_BYTES = 16 << 20

_ONE_PER_RUN = ("model_run", "SequentialExecutor::Execute")


def profile_model(spec: Spec, say: Say) -> None:
    """Writes the profile of the spec's model into the working folder and tells its name."""
    tell_profile(partial(_profile, spec), say)


def _profile(spec: Spec) -> tuple[str, list[int]]:
    runtime = OnnxRuntime()
    with failing_as("model_unsupported", "loading the model", runtime.foreign):
        model = runtime.load(spec, profile_prefix=Path("raw"))
    infer = feed(runtime, model, inputs_for(runtime, model, spec))
    with failing_as("model_crash", "running the model", runtime.foreign):
        run_profiled(infer, runs=WARM_RUNS)
        times = run_profiled(infer)
    raw = Path(model.session.end_profiling())
    Path(PROFILE_FILE).write_text(keep_last_runs(raw.read_text(), len(times)))
    raw.unlink()
    return PROFILE_FILE, times


def keep_last_runs(profile: str, runs: int, *, max_bytes: int = MAX_PROFILE_BYTES) -> str:
    """The profile with its session events and its last `runs` runs, or as many of these as fit in `max_bytes`.

    Raises Failure where the file was cut off, which the runtime does silently, or a single run does not fit.
    """
    lines = [line.rstrip().removesuffix(",") for line in profile.splitlines()]
    if len(lines) < 2 or (lines[0], lines[-1]) != ("[", "]"):
        reason = "the profile was too long to be written"
        raise Failure(reason)
    events = [(json.loads(line), line) for line in lines[1:-1]]
    starts = sorted(event["ts"] for event, _ in events if event["name"] == "model_run")
    session = [line for event, line in events if _belongs_to_session(event)]
    by_run = [
        [line for event, line in events if start <= event["ts"] < end and not _belongs_to_session(event)]
        for start, end in zip(starts[-runs:], [*starts[-runs:][1:], float("inf")], strict=True)
    ]
    sizes = accumulate(sum(len(line.encode()) + 2 for line in lines) for lines in reversed(by_run))
    fitting = sum(size <= max_bytes for size in sizes)
    if not fitting:
        reason = f"the profile of one run is longer than {max_bytes >> 20} MiB"
        raise Failure(reason)
    return "[\n" + ",\n".join([*session, *(line for lines in by_run[-fitting:] for line in lines)]) + "\n]\n"


def _belongs_to_session(event: dict[str, Any]) -> bool:
    return event["cat"] == "Session" and event["name"] not in _ONE_PER_RUN


if __name__ == "__main__":
    serve(profile_model)
