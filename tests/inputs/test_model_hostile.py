"""Files made to hang, crash, fill or fool a reader: each ends soon in a ModelError that says what is wrong."""

import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from orchestrator.errors import ModelError
from orchestrator.inputs import model_file
from orchestrator.inputs.model_file import inspect_model
from orchestrator.sandbox.child import ChildResult

OnnxFile = Callable[..., Path]
Make = Callable[..., ModelProto]

WITHIN_S = 8  # on a busy machine; a quarter of a second on a quiet one
LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"


def value(name: str, shape: list[int | str | None] | None, dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def weight(dims: list[int], raw: bytes | None = None, dtype: int = TensorProto.FLOAT) -> TensorProto:
    """A tensor that may lie about its data."""
    tensor = TensorProto(name="w", data_type=dtype, dims=dims)
    if raw is not None:
        tensor.raw_data = raw
    return tensor


def of_weight(make: Make, tensor: TensorProto) -> ModelProto:
    return make([helper.make_node("Identity", ["w"], ["y"])], [], [value("y", None)], initializers=[tensor])


def external(make: Make, location: str, **places: object) -> ModelProto:
    """w [10] of float32 in another file."""
    tensor = weight([10])
    tensor.data_location = TensorProto.EXTERNAL
    for key, entry in {"location": location, **places}.items():
        tensor.external_data.add(key=key, value=str(entry))
    return of_weight(make, tensor)


def refuse(path: Path, words: str, **options: object) -> None:
    started_at = time.monotonic()
    with pytest.raises(ModelError) as caught:
        inspect_model("model", path, **options)  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 600
    assert time.monotonic() - started_at < WITHIN_S


def functions(count: int, *, ring: bool = False) -> list[onnx.FunctionProto]:
    """f0 is Relu, each next calls the one before twice; in a ring f0 calls the last."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("d", 1)]
    made = []
    for number in range(count):
        called = f"f{(number or count) - 1}"
        nodes = [helper.make_node(called, ["x"], ["t"], domain="d"), helper.make_node(called, ["t"], ["y"], domain="d")]
        first = [helper.make_node("Relu", ["x"], ["y"])]
        body = nodes if number or ring else first
        made.append(helper.make_function("d", f"f{number}", ["x"], ["y"], body, opsets))
    return made


def calling(make: Make, count: int, *, ring: bool = False) -> ModelProto:
    nodes = [helper.make_node(f"f{count - 1}", ["x"], ["y"], domain="d")]
    ends = [value("x", [1])], [value("y", [1])]
    return make(nodes, *ends, domains=["d"], functions=functions(count, ring=ring))


def chain(make: Make, length: int) -> ModelProto:
    nodes = [helper.make_node("Relu", [f"x{n}"], [f"x{n + 1}"]) for n in range(length)]
    return make(nodes, [value("x0", [1])], [value(f"x{length}", [1])])


def field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field, by hand: the libraries refuse to nest as deeply."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))


def nested(depth: int) -> bytes:
    """A graph whose node has a graph whose node has a graph ..."""
    graph = b""
    for _ in range(depth):
        graph = field(1, field(4, b"If") + field(5, field(1, b"then_branch") + field(6, graph)))
    return b"\x08\x08" + field(8, field(1, b"") + b"\x10\x11") + field(7, graph)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda make: make(opset=99), "has opset 99; runtimes take 7 to 28"),
        (lambda make: make(opset=6), "has opset 6; runtimes take 7 to 28"),
        (lambda make: make(ir_version=99), "has IR version 99; runtimes take 3 to 14"),
        (lambda make: make([], [], []), "has no operators"),
        (lambda make: make(outputs=[]), "has no outputs"),
        (lambda make: make([helper.make_node("Foo", ["x"], ["y"])]), "No Op registered for Foo"),
        (
            lambda make: make([helper.make_node("Foo", ["x"], ["y"], domain="com.acme")], domains=["com.acme"]),
            "uses the custom operator com.acme::Foo",
        ),
        (
            lambda make: make([helper.make_node("Relu", ["z"], ["y"]), helper.make_node("Relu", ["y"], ["z"])]),
            "topologically sorted",
        ),
        (
            lambda make: make(
                [helper.make_node("MatMul", ["x", "w"], ["y"])],
                initializers=[numpy_helper.from_array(np.ones((4, 3), np.float32), "w")],
            ),
            "Incompatible dimensions",
        ),
        (lambda make: make(inputs=[value("x", [10**6, 10**6])], outputs=[value("y", None)]), "more than 1024 MiB of"),
        (lambda make: make(inputs=[value("x", [1], TensorProto.INT4)]), "inputs of type int4 are not supported"),
        (
            lambda make: make(inputs=[helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, [1])]),
            "inputs of type sequence are not supported",
        ),
        (lambda make: make(inputs=[value("x", None)]), "does not say how many dimensions input 'x' has"),
        (lambda make: chain(make, 100_001), "has more than 100000 operators"),
        (lambda make: calling(make, 30), "has more than 100000 operators once its functions are expanded"),
        (lambda make: calling(make, 2, ring=True), "calls itself"),
        (lambda make: calling(make, 1, ring=True), "calls itself"),
        (lambda make: nested(100), "nested too deeply"),
        (lambda make: nested(3000), "nests graphs too deeply"),
        (lambda make: of_weight(make, weight([1 << 32])), "has 0 bytes of data in tensor 'w'"),
        (lambda make: of_weight(make, weight([1 << 32], b"1234")), "needs 17179869184"),
        (lambda make: of_weight(make, weight([1 << 40, 1 << 40], b"1234")), "has 4 bytes of data in tensor 'w'"),
        (lambda make: of_weight(make, weight([5000], b"1" * 19_999)), "has 19999 bytes of data in tensor 'w'"),
        (lambda make: of_weight(make, weight([-3], b"1234")), "has a negative dimension in tensor 'w': [-3]"),
        (lambda make: of_weight(make, weight([-5000], b"1" * 20_000)), "has a negative dimension in tensor 'w'"),
        (lambda make: of_weight(make, weight([5000], b"1" * 20_000, dtype=77)), "Invalid tensor data type 77"),
        (lambda make: make().SerializeToString()[:-3], "is truncated or corrupt"),
        (lambda make: (LIGHT / "light_resnet50.onnx").read_bytes()[:-1000], "is truncated or corrupt"),
        (lambda make: b"\x08" * 1000, "is no ONNX model"),
        (lambda make: b"\xff" * 1000, "is truncated or corrupt: no number ends at byte"),
        (lambda make: b"hello world " * 100, "is no ONNX model"),
        (lambda make: b"\x3a\xff\xff\xff\xff\x0f" + b"\0" * 100, "is truncated or corrupt: field 7"),
        (lambda make: field(7, field(1, field(3, b"x" * 5000)) * 13_500), "is too large without its weights"),
    ],
)
def test_a_hostile_model_is_refused_soon(onnx_file: OnnxFile, make_onnx: Make, model: Callable, words: str) -> None:
    refuse(onnx_file(model(make_onnx)), words)


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_are_refused(onnx_file: OnnxFile, seed: int) -> None:
    refuse(onnx_file(random.Random(seed).randbytes(10_000)), "")


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bits_end_in_a_model_or_an_error(onnx_file: OnnxFile, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray((LIGHT / "light_squeezenet.onnx").read_bytes())
    for _ in range(1 + seed):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    started_at = time.monotonic()
    with suppress(ModelError):
        assert inspect_model("model", onnx_file(bytes(data))).operators
    assert time.monotonic() - started_at < WITHIN_S


@pytest.mark.parametrize(
    ("location", "places", "words"),
    [
        ("../../etc/passwd", {}, "lies outside the model's folder"),
        ("/etc/passwd", {}, "lies outside the model's folder"),
        ("/dev/zero", {}, "lies outside the model's folder"),
        ("folder/../w.bin", {}, "lies outside the model's folder"),
        ("..\\w.bin", {}, "lies outside the model's folder"),
        ("w.bin\0x", {}, "lies outside the model's folder"),
        ("", {}, "lies outside the model's folder"),
        ("link.bin", {}, "'link.bin' is a symbolic link"),
        ("linked_folder/passwd", {}, "is a symbolic link"),
        ("missing.bin", {}, "'missing.bin' cannot be read: No such file or directory"),
        ("pipe", {}, "'pipe' is no plain file"),
        ("folder", {}, "'folder' is no plain file"),
        ("w.bin/x", {}, "cannot be read: Not a directory"),
        ("w.bin", {"offset": -1}, "no valid offset for the external data of tensor 'w': '-1'"),
        ("w.bin", {"offset": "1e3"}, "no valid offset"),
        ("w.bin", {"offset": "9" * 40}, "no valid offset"),
        ("w.bin", {"length": -40}, "no valid length"),
        ("w.bin", {"offset": 4}, "needs 44 bytes of external data in 'w.bin', which has 40"),
        ("w.bin", {"offset": 10**18}, "needs 1000000000000000040 bytes of external data"),
        ("w.bin", {"length": 39}, "gives tensor 'w' 39 bytes of 'w.bin'; its shape [10] needs 40"),
    ],
)
def test_external_data_stays_in_the_folder_and_is_all_there(
    onnx_file: OnnxFile, make_onnx: Make, location: str, places: dict[str, object], words: str
) -> None:
    path = onnx_file(external(make_onnx, location, **places))
    (path.parent / "w.bin").write_bytes(bytes(40))
    (path.parent / "link.bin").symlink_to("w.bin")
    (path.parent / "folder").mkdir()
    (path.parent / "linked_folder").symlink_to("/etc")
    os.mkfifo(path.parent / "pipe")
    refuse(path, words)


def test_more_files_of_external_data_than_anyone_has(onnx_file: OnnxFile, make_onnx: Make) -> None:
    tensors = []
    for number in range(1001):
        tensors.append(tensor := TensorProto(name=f"w{number}", data_type=1, dims=[1], data_location=1))
        tensor.external_data.add(key="location", value=f"{number}.bin")
    refuse(onnx_file(make_onnx(initializers=tensors)), "has more than 1000 files of external data")


def test_a_hard_link_is_used_with_a_warning(onnx_file: OnnxFile, make_onnx: Make) -> None:
    path = onnx_file(external(make_onnx, "w.bin"))
    (elsewhere := path.parent.parent / "elsewhere").write_bytes(bytes(40))
    (path.parent / "w.bin").hardlink_to(elsewhere)
    assert "external data 'w.bin' is a hard link, which some tools refuse" in inspect_model("model", path).warnings


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ({"killed": "timeout"}, "took more than 60 s to check"),
        ({"killed": "memory"}, "took more than 1024 MiB of memory"),
        ({"killed": "output"}, "has too much to tell"),
        ({"returncode": -11, "stderr": "free(): invalid pointer"}, "breaks the checker (exit status -11): free()"),
        ({"messages": ({"stage": "error", "type": "MemoryError", "message": ""},)}, "1024 MiB of memory"),
        ({"messages": ({"stage": "error", "type": "KeyError", "message": "'x'"},)}, "cannot be read as a model"),
        ({"returncode": 0, "messages": ({"inspection": {"inputs": 1}},)}, "gave no valid answer"),
        ({"returncode": 0, "messages": ({"locations": {"w": "x"}},)}, "gave no valid answer"),
        ({"returncode": 0, "messages": ({"locations": {"../x": 1}},)}, "lies outside the model's folder"),
    ],
)
def test_however_the_child_ends_the_message_names_the_file(
    onnx_file: OnnxFile, make_onnx: Make, monkeypatch: pytest.MonkeyPatch, end: dict[str, object], words: str
) -> None:
    whole = {"returncode": 1, "killed": None, "messages": (), "stderr": "", "peak_mb": 0.0, "wall_s": 0.0, **end}
    monkeypatch.setattr(model_file, "run_child", lambda *_, **__: ChildResult(**whole))
    refuse(onnx_file(make_onnx()), words)
