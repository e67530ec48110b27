"""The child that profiles a TFLite model, where the installed LiteRT is of a version whose C interface is known."""

from functools import partial
from importlib.metadata import version
from pathlib import Path

from orchestrator.localcloud.measure.failure import Failure, failing_as
from orchestrator.localcloud.measure.litert_c_api import SUPPORTED, ProfiledModel
from orchestrator.localcloud.measure.litert_graph import litert_operators
from orchestrator.localcloud.measure.litert_runtime import LiteRt
from orchestrator.localcloud.measure.litert_summary import op_profile
from orchestrator.localcloud.measure.profiling import WARM_RUNS, run_profiled, tell_profile
from orchestrator.localcloud.measure.runtime import Spec, inputs_for
from orchestrator.protocol.litert_proto import encode_op_profile
from orchestrator.protocol.results import OP_PROFILE_FILE
from orchestrator.sandbox.inside import Say, serve

_BUILTIN_KERNELS = 2  # of LiteRtCpuKernelMode


def profile_model(spec: Spec, say: Say) -> None:
    """Writes the op profile of the spec's model into the working folder and tells its name."""
    tell_profile(partial(_profile, spec), say)


def _profile(spec: Spec) -> tuple[str, list[int]]:
    runtime = LiteRt()
    check_version(version("ai-edge-litert"))
    with failing_as("model_unsupported", "profiling", runtime.foreign):
        inputs = inputs_for(runtime, runtime.load(spec), spec)
        model = ProfiledModel(Path(spec["model"]), _options(spec))
        model.fill(inputs.arrays)
        run_profiled(model.infer, runs=WARM_RUNS)
        model.start()
        times = run_profiled(model.infer)
        profile = op_profile(model.summary(), len(times), litert_operators(Path(spec["model"])))
    Path(OP_PROFILE_FILE).write_bytes(encode_op_profile(profile))
    return OP_PROFILE_FILE, times


def check_version(installed: str) -> None:
    """Raises Failure where the C interface may have changed: calling it then could crash, or tell nonsense."""
    found = tuple(int(part) for part in installed.split(".")[:2])
    least, below = SUPPORTED
    if not least <= found < below:
        reason = f"LiteRT {installed} is not of the versions whose profiler is known"
        raise Failure(reason)


def _options(spec: Spec) -> dict[str, str]:
    """The runtime's profiler, and the CPU's threads and kernels."""
    cpu = f"num_threads = {spec['threads']}\n" + ("" if spec["use_xnnpack"] else f"kernel_mode = {_BUILTIN_KERNELS}\n")
    return {"xnnpack": cpu, "runtime_options_string": "enable_profiling = true\n"}


if __name__ == "__main__":
    serve(profile_model)
