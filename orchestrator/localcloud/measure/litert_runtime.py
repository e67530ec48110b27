"""LiteRT's interpreter, with its XNNPACK kernels or without."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from orchestrator.localcloud.measure.inputs import Array, InputSpec, resolve_shapes
from orchestrator.localcloud.measure.litert_graph import litert_index_bounds
from orchestrator.localcloud.measure.runtime import Infer, Spec

_ANY = -1  # a dimension in `shape_signature` that may be anything


class LiteRtModel:
    """An interpreter whose tensors are allocated."""

    def __init__(self, interpreter: Any, path: Path) -> None:
        self._interpreter = interpreter
        self._path = path

    def inputs(self) -> Sequence[InputSpec]:
        """The inputs of the first subgraph."""
        return [_input_spec(detail) for detail in self._interpreter.get_input_details()]

    def table_sizes(self, inputs: Iterable[str]) -> Mapping[str, int]:
        """Read from the file."""
        return litert_index_bounds(self._path, inputs)

    def feed(self, arrays: Mapping[str, Array]) -> Infer:
        """Inputs stay in their tensors from run to run."""
        for detail in self._interpreter.get_input_details():
            self._interpreter.set_tensor(detail["index"], arrays[detail["name"]])
        infer: Infer = self._interpreter.invoke
        return infer


class LiteRt:
    """The runtime of `.tflite` files."""

    foreign: tuple[type[Exception], ...] = (RuntimeError, ValueError)

    def load(self, spec: Spec) -> LiteRtModel:
        """An interpreter with the spec's shapes, ready for inputs."""
        delegates = OpResolverType.AUTO if spec["use_xnnpack"] else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        interpreter = Interpreter(
            model_path=spec["model"], num_threads=spec["threads"], experimental_op_resolver_type=delegates
        )
        model = LiteRtModel(interpreter, Path(spec["model"]))
        inputs = model.inputs()
        if any(isinstance(size, str) for value in inputs for size in value.shape):
            shapes = resolve_shapes(inputs, spec["shapes"]).of
            for detail in interpreter.get_input_details():
                interpreter.resize_tensor_input(detail["index"], shapes[detail["name"]])
        interpreter.allocate_tensors()
        return model


def _input_spec(detail: Mapping[str, Any]) -> InputSpec:
    signature = detail["shape_signature"]
    dtype = detail["dtype"]
    return InputSpec(
        name=detail["name"],
        dtype="string" if dtype in (np.bytes_, np.object_) else np.dtype(dtype).name,
        shape=tuple("?" if size == _ANY else int(size) for size in signature),
    )
