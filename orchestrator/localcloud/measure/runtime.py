"""What the measuring asks of a runtime: load a model, tell its inputs, give the call that infers once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from orchestrator.localcloud.measure.failure import failing_as
from orchestrator.localcloud.measure.inputs import Array, InputSpec, Shapes, make_inputs, resolve_shapes

Infer = Callable[[], object]
Spec = Mapping[str, Any]


class LoadedModel(Protocol):
    """A model that is ready for inputs."""

    def inputs(self) -> Sequence[InputSpec]:
        """Its inputs, without the bounds of index inputs."""

    def table_sizes(self, inputs: Iterable[str]) -> Mapping[str, int]:
        """For those of the inputs that index a table, its rows."""

    def feed(self, arrays: Mapping[str, Array]) -> Infer:
        """The call that infers once with these inputs; it raises only what the runtime's `foreign` names."""


class Runtime(Protocol):
    """A runtime, with the exceptions it raises because of a model."""

    foreign: tuple[type[Exception], ...]

    def load(self, spec: Spec) -> LoadedModel:
        """Loads `spec["model"]` with the spec's threads, shapes and options."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a model is fed."""

    specs: tuple[InputSpec, ...]
    shapes: Shapes
    arrays: Mapping[str, Array]


def inputs_for(runtime: Runtime, model: LoadedModel, spec: Spec) -> Inputs:
    """The inputs of a loaded model, from the spec's `shapes` and `seed`. Raises Failure."""
    with failing_as("model_unsupported", "making the inputs", runtime.foreign):
        specs = model.inputs()
        indexes = [value.name for value in specs if value.may_be_index]
        sizes = model.table_sizes(indexes) if indexes else {}
        specs = tuple(replace(value, below=sizes.get(value.name)) for value in specs)
        shapes = resolve_shapes(specs, spec["shapes"])
        return Inputs(specs=specs, shapes=shapes, arrays=make_inputs(specs, shapes.of, seed=spec["seed"]))


def feed(runtime: Runtime, model: LoadedModel, inputs: Inputs) -> Infer:
    """The call that infers once. Raises Failure where the model does not take the inputs."""
    with failing_as("model_unsupported", "setting the inputs", runtime.foreign):
        return model.feed(inputs.arrays)
