"""Records a conversion for the tests: makes a small model, and converts it with the real onnx2tf.

    python tests/conversion/record.py PATH-OF-ONNX2TF

writes `recorded/small.onnx` and `recorded/small.tflite`. The model has what makes conversions hard: an image with its
channels first, a dynamic batch and size, whole numbers that look up a table, and three outputs of different types.
Its weights are random, the same each time; `onnx2tf` gives the same bytes each time.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
SHAPES = {"image": (1, 3, 12, 8), "ids": (1, 4)}
OPTIONS = ("-v", "error", "-ois", *(f"{name}:{','.join(map(str, shape))}" for name, shape in SHAPES.items()))


def make_model(seed: int = 0) -> onnx.ModelProto:
    """A convolution, a table that is looked up, a classifier over both."""
    generator = np.random.default_rng(seed)
    shapes = {"kernel": (8, 3, 3, 3), "table": (10, 8), "weights": (5, 8), "bias": (5,)}
    weights = [
        numpy_helper.from_array(generator.standard_normal(shape, dtype=np.float32), name)
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["convolved"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["convolved"], ["features"]),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("ReduceMean", ["rows"], ["row"], axes=[1], keepdims=0),
        helper.make_node("Add", ["flat", "row"], ["both"]),
        helper.make_node("Gemm", ["both", "weights", "bias"], ["scores"], transB=1),
        helper.make_node("ArgMax", ["scores"], ["best"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, "height", "width"]),
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", 4]),
        ],
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", 8, "height", "width"]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 5]),
            helper.make_tensor_value_info("best", TensorProto.INT64, ["batch"]),
        ],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"weights": f"random (seed {seed})"})
    onnx.checker.check_model(model, full_check=True)
    return model


def convert(tool: str, model: Path, to: Path) -> None:
    """Converts a copy, since the tool writes over what it is given."""
    environment = {"PATH": f"{Path(tool).parent}:/usr/bin:/bin"}
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(model, Path(folder, "model.onnx"))
        subprocess.run([tool, "-i", "model.onnx", "-o", "out", *OPTIONS], cwd=folder, env=environment, check=True)
        shutil.copyfile(Path(folder, "out", "model_float32.tflite"), to)


def main() -> None:
    """Writes both files."""
    folder = HERE / "recorded"
    folder.mkdir(exist_ok=True)
    (folder / "small.onnx").write_bytes(make_model().SerializeToString(deterministic=True))
    convert(sys.argv[1], folder / "small.onnx", folder / "small.tflite")


if __name__ == "__main__":
    main()
