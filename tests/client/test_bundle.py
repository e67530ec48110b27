"""What a device is sent, as protocol "One job, start to end" has it."""

import json
import zipfile
from dataclasses import replace

import pytest

from orchestrator.client.bundle import build_bundle, shape_flags
from orchestrator.domain.device import Platform
from orchestrator.domain.model import ChosenDimension, Model, ModelFormat, Tensor
from orchestrator.domain.secret import Secret
from orchestrator.errors import ModelError

URL = "https://storage.example/results?sig=secret"


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "net.tflite"
    path.write_bytes(b"TFL3")
    return Model(
        name="net",
        path=path,
        format=ModelFormat.TFLITE,
        sha256="",
        size_bytes=4,
        inputs=(Tensor(name="a", dtype="float32", shape=("N", 3)), Tensor(name="b:0", dtype="float32", shape=(4, 5))),
        outputs=(),
        operators={},
        input_shapes={"a": (1, 3), "b:0": (4, 5)},
    )


def built(model, params, platform, to):
    notes = build_bundle(model, params, downloads_url=Secret(URL), platform=platform, to=to)
    with zipfile.ZipFile(to) as archive:
        return notes, {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(
    ("platform", "graph", "output"),
    [
        (
            Platform.ANDROID,
            "/data/local/tmp/model.tflite",
            "/data/user/0/org.tensorflow.lite.benchmark/files/profile.pb",
        ),
        (Platform.IOS, "model.tflite", "tflite-op-profile.pb"),
    ],
)
def test_a_bundle_holds_the_model_its_params_and_where_results_go(model, tmp_path, platform, graph, output) -> None:
    notes, files = built(model, {"num_runs": "50"}, platform, tmp_path / "bundle.zip")
    assert notes == ()
    assert files["model.tflite"] == b"TFL3"
    assert files["downloads-url.txt"] == URL.encode()
    assert json.loads(files["benchmark-params.json"]) == {
        "num_runs": "50",
        "graph": graph,
        "enable_op_profiling": "true",
        "op_profiling_output_mode": "proto",
        "op_profiling_output_file": output,
    }
    ios = {"requirements.txt", "tests/test.py"}
    assert (ios <= set(files)) is (platform is Platform.IOS)
    assert all(files[name].startswith(b"#") for name in ios & set(files))


def test_a_param_that_the_cloud_sets_itself_is_said(model, tmp_path) -> None:
    params = {"graph": "mine.tflite", "enable_op_profiling": "true"}
    notes, files = built(model, params, Platform.IOS, tmp_path / "bundle.zip")
    assert len(notes) == 1
    assert "'graph'" in notes[0]
    assert json.loads(files["benchmark-params.json"])["graph"] == "model.tflite"


def test_an_onnx_model_brings_its_external_data(model, tmp_path) -> None:
    (tmp_path / "weights").mkdir()
    data = tmp_path / "weights" / "w.bin"
    data.write_bytes(b"weights")
    onnx = replace(model, format=ModelFormat.ONNX, external_files=(data,))
    _, files = built(onnx, {}, Platform.ANDROID, tmp_path / "bundle.zip")
    assert files["model.onnx"] == b"TFL3"
    assert files["weights/w.bin"] == b"weights"


def test_external_data_that_cannot_go_along_is_a_models_mistake(model, tmp_path) -> None:
    outside = replace(model, external_files=(tmp_path.parent / "w.bin",))
    with pytest.raises(ModelError, match=r"net\.tflite.*outside"):
        built(outside, {}, Platform.ANDROID, tmp_path / "bundle.zip")
    taken = tmp_path / "downloads-url.txt"
    taken.write_bytes(b"weights")
    with pytest.raises(ModelError, match=r"downloads-url\.txt"):
        built(replace(model, external_files=(taken,)), {}, Platform.ANDROID, tmp_path / "bundle.zip")


CHOSEN = (ChosenDimension(input="a", axis=0, name="N", value=1, source="default"),)


def test_chosen_dimensions_are_told_to_the_device(model) -> None:
    flags, notes = shape_flags(replace(model, chosen_dimensions=CHOSEN), {})
    assert flags == {"input_layer": "a,b:0", "input_layer_shape": "1,3:4,5"}
    assert notes == ()


@pytest.mark.parametrize("flag", ["input_layer", "input_layer_shape"])
def test_the_plans_own_shapes_stay(model, flag) -> None:
    assert shape_flags(replace(model, chosen_dimensions=CHOSEN), {flag: "x"}) == ({}, ())
    assert shape_flags(model, {}) == ({}, ()), "nothing was chosen"


@pytest.mark.parametrize(
    ("kind", "name", "shape", "fits"),
    [
        (ModelFormat.TFLITE, "a,b", (1,), False),
        (ModelFormat.ONNX, "a,b", (1,), False),
        (ModelFormat.TFLITE, "scalar", (), False),
        (ModelFormat.ONNX, "scalar", (), True),
    ],
)
def test_what_flags_cannot_say_is_left_to_the_device_and_said(model, kind, name, shape, fits) -> None:
    inputs = (*model.inputs, Tensor(name=name, dtype="float32", shape=shape))
    shapes = {**model.input_shapes, name: shape}
    given = replace(model, format=kind, inputs=inputs, input_shapes=shapes, chosen_dimensions=CHOSEN)
    flags, notes = shape_flags(given, {})
    assert (bool(flags), bool(notes)) == (fits, not fits)
