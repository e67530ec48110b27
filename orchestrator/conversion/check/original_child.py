"""The child that runs the original on inputs made from a seed, and leaves inputs and outputs as files."""

from pathlib import Path
from typing import Any

import numpy as np

from orchestrator.localcloud.measure.failure import Failure, failing_as
from orchestrator.localcloud.measure.inputs import BFLOAT16
from orchestrator.localcloud.measure.onnx_runtime import OnnxRuntime
from orchestrator.localcloud.measure.runtime import inputs_for
from orchestrator.sandbox.inside import Say, serve


def _run(spec: dict[str, Any], say: Say) -> None:
    """Says the names of inputs and outputs, whose values are in `in-N.npy` and `out-N.npy`."""
    runtime = OnnxRuntime()
    try:
        with failing_as("model_unsupported", "loading the model", runtime.foreign):
            model = runtime.load({**spec, "threads": 1, "spinning": False})
        inputs = inputs_for(runtime, model, spec)
        if unknown := [fed.name for fed in inputs.specs if fed.dtype in ("string", BFLOAT16)]:
            reason = f"input {unknown[0]!r} is of a type that TFLite has not"
            raise Failure(reason)
        names = [value.name for value in model.session.get_outputs()]
        with failing_as("model_crash", "running the model", runtime.foreign):
            outputs = model.session.run(names, dict(inputs.arrays))
        _save("in", inputs.arrays.values())
        _save("out", outputs)
        say(stage="ran", inputs=list(inputs.arrays), outputs=names)
    except Failure as failure:
        say(stage="failed", reason=str(failure))


def _save(kind: str, arrays: Any) -> None:
    for number, array in enumerate(arrays):
        if not isinstance(array, np.ndarray) or array.dtype.hasobject:
            reason = "an output is no tensor of numbers"
            raise Failure(reason)
        np.save(Path(f"{kind}-{number}.npy"), array, allow_pickle=False)


if __name__ == "__main__":
    serve(_run)
