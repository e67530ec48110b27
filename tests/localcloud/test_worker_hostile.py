"""Models that attack, through the real child: each gets a clear result of its own, and this process stays well."""

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from orchestrator.protocol.results import ResultFiles
from orchestrator.sandbox.memory import memory_of

TINY = (Path(__file__).parents[2] / "benchmarks/models/tiny.tflite").read_bytes()
GIB = 1 << 30
FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL

CarryOut = Callable[..., ResultFiles]


def tensor(name: str, *shape: int | str, of: int = FLOAT) -> onnx.ValueInfoProto:
    """The declaration of a value."""
    return helper.make_tensor_value_info(name, of, list(shape))


def model(
    nodes: list[onnx.NodeProto],
    *,
    inputs: list[onnx.ValueInfoProto] | None = None,
    outputs: list[onnx.ValueInfoProto] | None = None,
    weights: list[onnx.TensorProto] | None = None,
    opset: int = 17,
) -> onnx.ModelProto:
    """A model from x to y, float[1], unless said otherwise."""
    graph = helper.make_graph(nodes, "attack", inputs or [tensor("x", 1)], outputs or [tensor("y", 1)], weights or [])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def loop_forever() -> onnx.ModelProto:
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["still_go"]),
            helper.make_node("Add", ["value", "value"], ["doubled"]),
        ],
        "body",
        [tensor("turn", of=INT64), tensor("go", of=BOOL), tensor("value", 1)],
        [tensor("still_go", of=BOOL), tensor("doubled", 1)],
    )
    true = helper.make_node("Constant", [], ["true"], value=helper.make_tensor("t", BOOL, [], [True]))
    return model([true, helper.make_node("Loop", ["", "true", "x"], ["y"], body=body)])


def allocate(*sizes: int) -> onnx.ModelProto:
    """Blows its input up to a float tensor of these sizes."""
    shape = helper.make_tensor("shape", INT64, [len(sizes)], sizes)
    return model([helper.make_node("Expand", ["x", "shape"], ["y"])], outputs=[tensor("y", *sizes)], weights=[shape])


def function_bomb(levels: int = 30) -> onnx.ModelProto:
    """Each function calls the one below twice."""
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("bomb", 1)]
    functions = [
        helper.make_function(
            "bomb",
            f"f{level}",
            ["a"],
            ["c"],
            [
                helper.make_node(f"f{level - 1}", ["a"], ["b"], domain="bomb") if level else _relu("a", "b"),
                helper.make_node(f"f{level - 1}", ["b"], ["c"], domain="bomb") if level else _relu("b", "c"),
            ],
            imports,
        )
        for level in range(levels)
    ]
    graph = helper.make_graph(
        [helper.make_node(f"f{levels - 1}", ["x"], ["y"], domain="bomb")], "g", [tensor("x", 1)], [tensor("y", 1)]
    )
    return helper.make_model(graph, functions=functions, opset_imports=imports, ir_version=8)


def external(location: str) -> onnx.ModelProto:
    """Keeps a weight in the file `location`."""
    weight = onnx.TensorProto(name="w", data_type=FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value=location)
    return model([helper.make_node("Add", ["x", "w"], ["y"])], weights=[weight])


def divide_by_zero() -> onnx.ModelProto:
    zero = helper.make_tensor("zero", TensorProto.INT32, [1], [0])
    return model(
        [helper.make_node("Div", ["x", "zero"], ["y"])],
        inputs=[tensor("x", 1, of=TensorProto.INT32)],
        outputs=[tensor("y", 1, of=TensorProto.INT32)],
        weights=[zero],
    )


def gather_outside() -> onnx.ModelProto:
    far = helper.make_tensor("far", INT64, [1], [10**9])
    shuffled = helper.make_node("Add", ["far", "index"], ["further"])
    return model(
        [shuffled, helper.make_node("Gather", ["table", "further"], ["y"])],
        inputs=[tensor("index", 1, of=INT64)],
        weights=[far, helper.make_tensor("table", FLOAT, [2], [1, 2])],
    )


def sequence_input() -> onnx.ModelProto:
    return model(
        [helper.make_node("SequenceLength", ["x"], ["y"])],
        inputs=[helper.make_tensor_sequence_value_info("x", FLOAT, None)],
        outputs=[tensor("y", of=INT64)],
    )


def huge_input() -> onnx.ModelProto:
    sizes = (10**6, 10**6)
    return model([_relu("x", "y")], inputs=[tensor("x", *sizes)], outputs=[tensor("y", *sizes)])


def _relu(source: str, target: str) -> onnx.NodeProto:
    return helper.make_node("Relu", [source], [target])


PLAIN = model([_relu("x", "y")]).SerializeToString()


@pytest.fixture(autouse=True)
def unharmed() -> Iterator[None]:
    """This process grows by no more than a test's own objects, and keeps no thread."""
    before, threads = memory_of().resident_mb, threading.active_count()
    yield
    assert memory_of().resident_mb < before + 100
    assert threading.active_count() == threads


UNKNOWN_OPERATOR = helper.make_node("Mine", ["x"], ["y"], domain="own")
ATTACKS: dict[str, tuple[Callable[[], onnx.ModelProto], dict[str, object], str, str]] = {
    "loop forever": (loop_forever, {"timeout_s": 3.0}, "run_timeout", "while running"),
    "function bomb": (function_bomb, {"timeout_s": 2.0}, "run_timeout", "while loading"),
    "4 TB at once": (lambda: allocate(2**40), {}, "out_of_memory", "running"),
    "2 GB output": (lambda: allocate(2**29), {"memory_bytes": GIB}, "out_of_memory", "running"),
    "data above": (lambda: external("../w.bin"), {}, "model_unsupported", "escapes model directory"),
    "data elsewhere": (lambda: external("/etc/passwd"), {}, "model_unsupported", "Absolute path not allowed"),
    "data missing": (lambda: external("missing.bin"), {}, "model_unsupported", "missing.bin"),
    "division by zero": (divide_by_zero, {}, "model_unsupported", "Integer division by zero"),
    "index outside": (gather_outside, {}, "model_crash", "out of data bounds"),
    "no tensor": (sequence_input, {}, "model_unsupported", "seq(tensor(float))"),
    "4 TB input": (huge_input, {}, "model_unsupported", "inputs need more"),
    "custom operator": (lambda: model([UNKNOWN_OPERATOR]), {}, "model_unsupported", "own"),
    "opset 99": (lambda: model([_relu("x", "y")], opset=99), {}, "model_unsupported", "till opset 28"),
}


@pytest.mark.parametrize(("attack", "order", "kind", "told"), ATTACKS.values(), ids=ATTACKS)
def test_a_hostile_onnx_model_gets_its_own_kind_of_failure(
    carry_out: CarryOut, attack: Callable[[], onnx.ModelProto], order: dict[str, object], kind: str, told: str
) -> None:
    results = carry_out("model.onnx", attack().SerializeToString(), **order)
    assert results.onnxruntime is not None
    assert results.onnxruntime.error is not None
    assert results.onnxruntime.status == "error"
    assert (results.onnxruntime.error.kind, results.problems) == (kind, ())
    assert told in results.onnxruntime.error.message
    assert "/tmp" not in results.onnxruntime.error.message
    assert "\n" not in results.onnxruntime.error.message


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", b"<html><body>404</body></html>", PLAIN[: len(PLAIN) // 2], random.Random(0).randbytes(4096)],
    ids=["empty", "one byte", "a page", "half", "noise"],
)
@pytest.mark.parametrize("name", ["model.onnx", "model.tflite"])
def test_what_is_no_model_is_refused_in_the_words_of_its_format(carry_out: CarryOut, name: str, content: bytes) -> None:
    results = carry_out(name, content)
    if name == "model.onnx":
        assert results.onnxruntime is not None
        assert results.onnxruntime.error is not None
        assert results.onnxruntime.error.kind == "model_unsupported"
    else:
        assert results.log is not None
        assert results.log.failed
        assert results.log.errors[0].startswith("model_unsupported: loading the model failed")
        assert (results.benchmark_result, results.op_profile) == (None, None)


def test_an_external_file_beside_the_model_may_be_read(carry_out: CarryOut) -> None:
    results = carry_out("model.onnx", external("w.bin").SerializeToString(), beside={"w.bin": bytes(4)})
    assert results.onnxruntime is not None
    assert results.onnxruntime.status == "ok"


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_tflite_model_is_measured_or_refused(carry_out: CarryOut, seed: int) -> None:
    generator = random.Random(seed)
    damaged = bytearray(TINY)
    for _ in range(20):  # the tables lie at the end of the file, behind the weights
        damaged[generator.randrange(len(damaged) - 6000, len(damaged))] = generator.randrange(256)
    results = carry_out("model.tflite", bytes(damaged), timeout_s=10.0)
    assert results.log is not None
    assert results.log.failed == (results.benchmark_result is None)
    assert results.log.failed == bool(results.log.errors)
