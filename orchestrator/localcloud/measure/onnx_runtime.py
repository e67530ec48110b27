"""ONNX Runtime, on the CPU alone. To be imported in the child only: its telemetry is off there, before the import."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as binding

from orchestrator.localcloud.measure.inputs import BFLOAT16, Array, InputSpec
from orchestrator.localcloud.measure.onnx_tables import onnx_index_bounds
from orchestrator.localcloud.measure.runtime import Infer, Spec

_ONLY_FATAL = 4  # a hostile model could fill stderr with warnings
_BFLOAT16_NUMBER = 16  # onnx.TensorProto.BFLOAT16
_TENSOR = re.compile(r"tensor\((\w+)\)")
_DTYPES = {"float": "float32", "double": "float64"}


class OnnxModel:
    """A session."""

    def __init__(self, session: Any, path: Path) -> None:
        self.session = session
        self._path = path

    def inputs(self) -> Sequence[InputSpec]:
        """The graph's inputs that are no initializers."""
        return [
            InputSpec(name=value.name, dtype=_dtype(value.type), shape=tuple(_size(size) for size in value.shape))
            for value in self.session.get_inputs()
        ]

    def table_sizes(self, inputs: Iterable[str]) -> Mapping[str, int]:
        """Read from the file, for a session does not show its graph."""
        return onnx_index_bounds(self._path, inputs)

    def feed(self, arrays: Mapping[str, Array]) -> Infer:
        """Plain `run`: binding inputs and outputs buys nothing on the CPU. numpy's bfloat16 is not known to it."""
        outputs = [value.name for value in self.session.get_outputs()]
        half = {spec.name for spec in self.inputs() if spec.dtype == BFLOAT16}
        if not half:
            return lambda: self.session.run(outputs, arrays)
        values = {name: _ort_value(array, name in half) for name, array in arrays.items()}
        return lambda: self.session.run_with_ort_values(outputs, values)


class OnnxRuntime:
    """The runtime of `.onnx` files."""

    # The binding raises classes of its own, without a common base, for what C++ throws.
    foreign: tuple[type[Exception], ...] = (
        *(kind for kind in vars(binding).values() if isinstance(kind, type) and issubclass(kind, Exception)),
        RuntimeError,
        ValueError,
    )

    def load(self, spec: Spec, *, profile_prefix: Path | None = None) -> OnnxModel:
        """A session; with a prefix it writes its profile to a file that begins so."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = spec["threads"]
        options.inter_op_num_threads = 1
        options.log_severity_level = _ONLY_FATAL
        options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spec["spinning"])))
        if profile_prefix:
            options.enable_profiling = True
            options.profile_file_prefix = str(profile_prefix)
        session = onnxruntime.InferenceSession(spec["model"], options, providers=["CPUExecutionProvider"])
        return OnnxModel(session, Path(spec["model"]))


def _dtype(onnx_type: str) -> str:
    """`tensor(float)` is float32; what is no tensor keeps its name, and is refused when it comes to making it."""
    found = _TENSOR.fullmatch(onnx_type)
    return _DTYPES.get(found[1], found[1]) if found else onnx_type


def _size(size: int | str | None) -> int | str:
    return size if isinstance(size, int) and size >= 0 else str(size) if size and isinstance(size, str) else "?"


def _ort_value(array: Array, bfloat16: bool) -> Any:
    if bfloat16:
        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(array, _BFLOAT16_NUMBER)
    return onnxruntime.OrtValue.ortvalue_from_numpy(array)
