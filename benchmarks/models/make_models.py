"""Makes the ONNX models of the quickstart: real architectures with random weights, without a download.

The onnx package carries the graphs of well-known image classifiers for its own tests, their weights left out
(a ConstantOfShape node stands for each). Here every such node becomes an initializer drawn from He's normal
distribution (He et al. 2015, arXiv:1502.01852) with a fixed seed, and the graph is brought to opset 17. Latency and
memory are those of the real network; what it answers means nothing, and the file's metadata says so.

    python benchmarks/models/make_models.py [NAME ...] [--into FOLDER]

Without names: squeezenet and shufflenet; resnet50 is a bigger one (102 MB). A file that already has the right
content is left alone.
"""

import argparse
import os
from collections.abc import Iterator, MutableSequence, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, version_converter

HERE = Path(__file__).parent
QUICKSTART = ("squeezenet", "shufflenet")
NAMES = (*QUICKSTART, "resnet50")
SEED = 0
OPSET = 17
IR_VERSION = 8  # the converter needs at least 4 (initializers that are no inputs); 8 came with opset 17's releases
SCALE, VARIANCE = 1, 4  # the inputs of BatchNormalization that must not be 0


def make_model(name: str) -> onnx.ModelProto:
    """The named architecture with seeded random weights: the same bytes each time."""
    model = onnx.load(Path(onnx.__file__).parent / "backend/test/data/light" / f"light_{name}.onnx")
    graph = model.graph
    weights = list(_draw_weights(graph))
    drawn = {weight.name for weight in weights}
    _replace(graph.node, [node for node in graph.node if node.output[0] not in drawn])
    graph.initializer.extend(weights)
    _drop_unused(graph)
    model.ir_version = IR_VERSION
    model = version_converter.convert_version(model, OPSET)
    onnx.helper.set_model_props(model, {"weights": f"random (seed {SEED})"})
    onnx.checker.check_model(model, full_check=True)
    return model


def _draw_weights(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """An initializer for each weight that the graph leaves to a ConstantOfShape node, in the graph's order."""
    generator = np.random.default_rng(SEED)
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    ones = {
        node.input[place] for node in graph.node if node.op_type == "BatchNormalization" for place in (SCALE, VARIANCE)
    }
    for node in graph.node:
        if node.op_type == "ConstantOfShape":
            shape = tuple(int(size) for size in shapes[node.input[0]])
            yield numpy_helper.from_array(_weight(generator, shape, node.output[0] in ones), node.output[0])


def _weight(generator: np.random.Generator, shape: tuple[int, ...], one: bool) -> np.ndarray:
    """He-normal for a kernel or matrix (first axis: outputs), else the vector that changes nothing."""
    if len(shape) < 2:
        return np.full(shape, 1.0 if one else 0.0, np.float32)
    deviation = np.float32(np.sqrt(2.0 / np.prod(shape[1:])))
    return generator.standard_normal(shape, dtype=np.float32) * deviation


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Removes the initializers nothing reads any more, and the inputs that are initializers."""
    read = {name for node in graph.node for name in node.input}
    _replace(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in read])
    given = {tensor.name for tensor in graph.initializer}
    _replace(graph.input, [value for value in graph.input if value.name in read - given])


def _replace(field: MutableSequence[Any], kept: Sequence[Any]) -> None:
    """Sets a repeated field of a message to what is kept (such a field cannot be assigned to)."""
    del field[:]
    field.extend(kept)


def write_model(name: str, folder: Path) -> tuple[Path, bool]:
    """Writes `<name>.onnx` unless it is there already; gives its path and whether it was written."""
    path = folder / f"{name}.onnx"
    content = make_model(name).SerializeToString(deterministic=True)
    if path.is_file() and path.read_bytes() == content:
        return path, False
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(path)
    return path, True


def main() -> None:
    """Makes the models named on the command line."""
    parser = argparse.ArgumentParser(description="Makes ONNX models with random weights.")
    parser.add_argument("names", nargs="*", metavar="NAME", default=QUICKSTART, help=", ".join(NAMES))
    parser.add_argument("--into", type=Path, default=HERE, metavar="FOLDER")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(NAMES)):
        parser.error(f"unknown model {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for name in arguments.names:
        path, written = write_model(name, arguments.into)
        print(f"{path.name}: {'written' if written else 'unchanged'}, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
