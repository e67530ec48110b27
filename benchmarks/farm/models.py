"""Models for the simulated cloud. What a device makes of one is in the model's own metadata, under `farm.`."""

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PREFIX = "farm."


@dataclass(frozen=True, kw_only=True)
class Traits:
    """How a model differs from the reference model: its latency `slower` times, its jobs `run` times as long.

    Models of one `role` share a device's good and bad days, as versions of one model do.
    """

    role: str = ""
    slower: float = 1.0
    run: float = 1.0


def write_model(path: Path, traits: Traits) -> None:
    """A small valid ONNX file with those traits."""
    weights = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv")
    graph = helper.make_graph(
        [node],
        "simulated",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 14, 14])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {PREFIX + field.name: str(getattr(traits, field.name)) for field in fields(Traits)})
    path.write_bytes(model.SerializeToString())


@lru_cache(maxsize=256)
def read_traits(model: bytes) -> Traits:
    """The traits that a model tells of itself; any other model is like the reference."""
    told = {prop.key: prop.value for prop in onnx.load_model_from_string(model).metadata_props}
    known = {field.name: told[PREFIX + field.name] for field in fields(Traits) if PREFIX + field.name in told}
    return Traits(role=known.pop("role", ""), **{name: float(value) for name, value in known.items()})
