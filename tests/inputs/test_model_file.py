"""What is said of good models, from the file to the domain."""

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from orchestrator.domain.model import ChosenDimension, ModelFormat
from orchestrator.errors import ModelError
from orchestrator.inputs.inspection import Inspection
from orchestrator.inputs.model_file import inspect_model, model_sha256

OnnxFile = Callable[..., Path]
Make = Callable[..., ModelProto]

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"
MODELS = Path(__file__).parents[2] / "benchmarks" / "models"


def value(name: str, shape: list[int | str | None] | None, dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def with_external_weights(name: str, folder: Path) -> Path:
    """A light model whose ConstantOfShape nodes are weights in one external file that takes no room on the disk."""
    model = onnx.load(LIGHT / f"light_{name}.onnx")
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    weights, others = [], []
    for node in model.graph.node:
        (weights if node.op_type == "ConstantOfShape" else others).append(node)
    del model.graph.node[:]
    model.graph.node.extend(others)
    model.ir_version = 8
    end = 0
    for node in weights:
        dims = [int(size) for size in shapes[node.input[0]]]
        tensor = model.graph.initializer.add(name=node.output[0], data_type=1, dims=dims, data_location=1)
        for key, entry in {"location": "data/weights.bin", "offset": str(end)}.items():
            tensor.external_data.add(key=key, value=entry)
        end += int(np.prod(dims)) * 4
    (folder / "data").mkdir()
    with (folder / "data/weights.bin").open("wb") as file:
        file.truncate(end)
    onnx.save(model, path := folder / f"{name}.onnx")
    return path


@pytest.mark.parametrize(
    ("name", "parameters_m", "multiply_accumulates_g"),
    [("resnet50", 25.61, 4.089), ("vgg19", 143.67, 19.632), ("squeezenet", 1.24, 0.349)],
)
def test_known_networks_have_their_known_size(
    tmp_path: Path, name: str, parameters_m: float, multiply_accumulates_g: float
) -> None:
    model = inspect_model(name, path := with_external_weights(name, tmp_path))
    assert model.parameters is not None
    assert model.multiply_accumulates is not None
    assert round(model.parameters / 1e6, 2) == parameters_m
    assert round(model.multiply_accumulates / 1e9, 3) == multiply_accumulates_g
    assert model.external_files == (tmp_path / "data/weights.bin",)
    assert model.size_bytes == path.stat().st_size + model.external_files[0].stat().st_size
    assert model.size_bytes > 4 * model.parameters


@pytest.mark.parametrize("path", sorted(LIGHT.glob("*.onnx")), ids=lambda path: path.stem)
def test_the_light_models_are_valid(path: Path) -> None:
    model = inspect_model(path.stem, path)
    assert (model.format, model.opset, model.ir_version) == (ModelFormat.ONNX, 9, 3)
    assert list(model.input_shapes.values()) == [(1, 3, 224, 224)]
    assert (model.multiply_accumulates or 0) > 1e8
    assert model.warnings == ()
    assert not model.random_weights


def test_all_that_is_said_of_an_onnx_model() -> None:
    path = MODELS / "squeezenet.onnx"
    model = inspect_model("small", path)
    assert (model.name, model.path, model.format) == ("small", path, ModelFormat.ONNX)
    assert [str(tensor) for tensor in model.inputs] == ["data_0: float32 [1×3×224×224]"]
    assert [str(tensor) for tensor in model.outputs] == ["softmaxout_1: float32 [1×1000×1×1]"]
    assert (model.opset, model.ir_version) == (17, 8)
    assert model.operators["Conv"] == 26
    assert (model.parameters, model.multiply_accumulates) == (1_235_496, 349_151_936)
    assert model.size_bytes == path.stat().st_size
    assert model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert model.input_shapes == {"data_0": (1, 3, 224, 224)}
    assert model.chosen_dimensions == model.external_files == model.warnings == ()
    assert model.random_weights


def test_all_that_is_said_of_a_tflite_model() -> None:
    path = MODELS / "tiny.tflite"
    model = inspect_model("tiny", path)
    assert model.format is ModelFormat.TFLITE
    assert [str(tensor) for tensor in model.inputs] == ["image: float32 [1×224×224×3]"]
    assert [str(tensor) for tensor in model.outputs] == ["probabilities: float32 [1×100]"]
    assert model.opset is model.ir_version is None
    assert model.operators["DEPTHWISE_CONV_2D"] == 7
    assert model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert model.input_shapes == {"image": (1, 224, 224, 3)}
    assert model.random_weights


def test_the_hash_of_external_data_is_that_of_sha256sums_listing(onnx_file: OnnxFile, make_onnx: Make) -> None:
    tensors = []
    for location in ("w.bin", "folder/v.bin", "./w.bin"):
        tensors.append(tensor := TensorProto(name=f"t{len(tensors)}", data_type=1, dims=[2], data_location=1))
        tensor.external_data.add(key="location", value=location)
    path = onnx_file(make_onnx(initializers=tensors))
    (path.parent / "folder").mkdir()
    for name in ("w.bin", "folder/v.bin"):
        (path.parent / name).write_text(f"12345678{name}")
    model = inspect_model("model", path)
    listed = ["sha256sum", "model.onnx", "folder/v.bin", "w.bin"]
    listing = subprocess.run(listed, cwd=path.parent, stdout=subprocess.PIPE, check=True).stdout
    assert model.sha256 == hashlib.sha256(listing).hexdigest() == model_sha256(path, model.external_files)
    assert model.external_files == (path.parent / "folder/v.bin", path.parent / "w.bin")
    (path.parent / "w.bin").write_text("87654321")
    assert model_sha256(path, model.external_files) != model.sha256


def test_dynamic_dimensions_are_chosen_and_said(onnx_file: OnnxFile, make_onnx: Make) -> None:
    node = helper.make_node("Relu", ["image"], ["y"])
    path = onnx_file(make_onnx([node], [value("image", ["batch", 3, "height", None])], [value("y", None)]))
    model = inspect_model("model", path)
    assert model.inputs[0].shape == ("batch", 3, "height", "?")
    assert model.input_shapes == {"image": (1, 3, 224, 1)}
    assert model.chosen_dimensions[1] == ChosenDimension(
        input="image", axis=2, name="height", value=224, source="default"
    )
    assert model.warnings == ("output 'y' has no shape in the file",)
    planned = inspect_model("model", path, inputs={"image": (2, 3, 5, 6)})
    assert planned.input_shapes == {"image": (2, 3, 5, 6)}
    assert {chosen.source for chosen in planned.chosen_dimensions} == {"plan"}
    with pytest.raises(ModelError, match="has no input 'imgae': did you mean 'image'"):
        inspect_model("model", path, inputs={"imgae": (1, 3, 5, 6)})


def test_chosen_dimensions_count_in_the_work(onnx_file: OnnxFile, make_onnx: Make) -> None:
    weights = numpy_helper.from_array(np.ones((4, 5), np.float32), "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    path = onnx_file(make_onnx([node], [value("x", ["n", "k"])], [value("y", ["n", 5])], initializers=[weights]))
    assert inspect_model("model", path, inputs={"x": (7, 4)}).multiply_accumulates == 7 * 4 * 5
    unfit = inspect_model("model", path, inputs={"x": (7, 3)})
    assert unfit.multiply_accumulates is None
    assert "with the chosen dimensions the shapes do not fit" in unfit.warnings[0]


def test_an_input_without_rank_takes_the_plans(onnx_file: OnnxFile, make_onnx: Make) -> None:
    path = onnx_file(make_onnx(inputs=[value("x", None)], outputs=[value("y", None)]))
    assert inspect_model("model", path, inputs={"x": (2, 3)}).input_shapes == {"x": (2, 3)}


def test_a_shape_in_external_data_is_read(onnx_file: OnnxFile, make_onnx: Make) -> None:
    shape = TensorProto(name="s", data_type=TensorProto.INT64, dims=[2], data_location=1)
    shape.external_data.add(key="location", value="s.bin")
    nodes = [helper.make_node("Reshape", ["x", "s"], ["z"]), helper.make_node("MatMul", ["z", "w"], ["y"])]
    weights = numpy_helper.from_array(np.ones((1, 5), np.float32), "w")
    path = onnx_file(make_onnx(nodes, outputs=[value("y", [None, None])], initializers=[shape, weights]))
    (path.parent / "s.bin").write_bytes(np.array([3, 1], np.int64).tobytes())
    assert inspect_model("model", path).multiply_accumulates == 3 * 5


def branches(depth: int) -> onnx.GraphProto:
    """An If whose branches have an If whose branches ..., each with weights too large to be kept."""
    outputs = [value("out", [2000])]
    weights = numpy_helper.from_array(np.ones(2000, np.float32), "out")
    if not depth:
        return helper.make_graph([], "branch", [], outputs, initializer=[weights])
    inner = {"then_branch": branches(depth - 1), "else_branch": branches(0)}
    return helper.make_graph([helper.make_node("If", ["condition"], ["out"], **inner)], "graph", [], outputs)


@pytest.mark.parametrize("depth", [1, 15])
def test_weights_in_subgraphs_are_found(onnx_file: OnnxFile, make_onnx: Make, depth: int) -> None:
    model = make_onnx()
    model.graph.CopyFrom(branches(depth))
    model.graph.input.append(value("condition", [], TensorProto.BOOL))
    found = inspect_model("model", onnx_file(model))
    assert found.operators == {"If": depth}
    assert found.parameters == 2000 * (depth + 1)


def test_functions_are_counted_as_they_run(onnx_file: OnnxFile, make_onnx: Make) -> None:
    opsets = [helper.make_opsetid("", 17)]
    twice = [helper.make_node("MatMul", ["a", "b"], ["t"]), helper.make_node("MatMul", ["t", "b"], ["c"])]
    function = helper.make_function("own", "Twice", ["a", "b"], ["c"], twice, opsets)
    nodes = [helper.make_node("Twice", ["x", "w"], ["y"], domain="own")]
    weights = numpy_helper.from_array(np.ones((3, 3), np.float32), "w")
    model = inspect_model(
        "model", onnx_file(make_onnx(nodes, initializers=[weights], domains=["own"], functions=[function]))
    )
    assert model.operators == {"MatMul": 2, "own::Twice": 1}
    assert model.multiply_accumulates == 2 * 3 * 3


def test_a_constant_counts_as_a_parameter_and_a_shape_does_not(onnx_file: OnnxFile, make_onnx: Make) -> None:
    nodes = [
        helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(np.ones((3, 3000), np.float32))),
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Reshape", ["z", "s"], ["y"]),
    ]
    shape = numpy_helper.from_array(np.array([3000]), "s")
    model = inspect_model("model", onnx_file(make_onnx(nodes, outputs=[value("y", [3000])], initializers=[shape])))
    assert model.parameters == model.multiply_accumulates == 9000


def test_every_finding_reaches_the_domain() -> None:
    from orchestrator.domain.model import Model

    assert {field.name for field in fields(Inspection)} - {field.name for field in fields(Model)} == {"external_data"}
