"""What users get wrong: a short message with the place, the cause and the way out, and the documented exit code."""

import random
import socket
import time
from typing import Any

import onnx
import pytest
from onnx import helper

KEY = {"EMBEDL_HUB_API_KEY": "some-key-123"}


def check(folder: Any, code: int, words: str, *arguments: str, **environment: str) -> str:
    """The command fails with that code and those words; no traceback, nothing run."""
    done = folder.bench(*arguments, **environment)
    assert done.returncode == code, done.stderr
    assert words in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 2000
    assert not folder.runs()
    return str(done.stderr)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ("version: 1\nname: x\nmodels: [small.onnx]\ndevces: [a]\n", "plan.yaml:4:1"),
        ("version: 1\nname: x\nmodels: [small.onnx]\ndevces: [a]\n", "devices"),
        ("version: 1\n  name: x\n", "plan.yaml:2"),
        ("", "plan.yaml"),
        ("version: 1\nname: x\nmodels: [smal.onnx]\ndevices: [host-cpu-1t]\n", "small.onnx"),
        ("version: 1\nname: x\nmodels: [small.onnx]\ndevices: [host-cpu-lt]\n", "host-cpu-1t"),
        ("version: 1\nname: x\nmodels: [small.onnx]\ndevices: ['*']\nrepeats: no\n", "plan.yaml:5"),
        ("version: 1\nname: x\nmodels: [broken.onnx]\ndevices: ['*']\n", "broken.onnx"),
        ("version: 1\nname: x\nmodels: [page.tflite]\ndevices: ['*']\n", "page.tflite"),
    ],
)
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_wrong_plan(folder: Any, command: str, plan: str, words: str) -> None:
    (folder.path / "broken.onnx").write_bytes((folder.path / "small.onnx").read_bytes()[:100])
    (folder.path / "page.tflite").write_text("<!doctype html><html>Not found</html>")
    folder.write(plan)
    check(folder, 2, words, command, "plan.yaml")


def test_all_broken_models_are_named_at_once(folder: Any) -> None:
    for name in ("one", "two"):
        (folder.path / f"{name}.onnx").write_bytes(b"nonsense")
    folder.write("version: 1\nname: x\nmodels: [one.onnx, two.onnx]\ndevices: ['*']\n")
    shown = check(folder, 2, "one.onnx", "check", "plan.yaml")
    assert "two.onnx" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chek"], "did you mean 'check'"),
        (["run"], "PLAN"),
        (["run", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "plan.yaml", "--repeats", "0"], "--repeats"),
        (["show", "20200101T000000Z-000000"], "bench runs"),
        (["report", "nothing"], "nothing"),
        (["resume"], "bench run"),
        (["resume", "nothing"], "bench runs"),
        (["run", "plan.yaml", "--cloud", "hub"], "EMBEDL_HUB_API_KEY"),
        (["run", "plan.yaml", "--cloud", "ftp://x"], "ftp"),
        (["cloud", "serve", "--host", "0.0.0.0"], "BENCH_CLOUD_API_KEY"),
    ],
)
def test_a_wrong_command(folder: Any, arguments: list[str], words: str) -> None:
    check(folder, 2, words, *arguments)


@pytest.fixture
def deaf() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def test_an_unreachable_cloud(folder: Any, deaf: str) -> None:
    """How often it is tried is left to chance: once in a while no further try fits behind the five seconds."""
    for _ in range(3):
        *while_waiting, error = check(folder, 4, "no connection", "devices", "--cloud", deaf, **KEY).splitlines()
        assert error.startswith("error: GET /api/device-cloud/devices at 127.0.0.1:")
        if while_waiting:
            break
    (told,) = while_waiting
    assert told.startswith("no good answer for ")


def test_a_refused_key(folder: Any, served: Any) -> None:
    address = served()
    shown = check(folder, 4, "key", "run", "plan.yaml", "--cloud", address, **KEY)
    assert "some-key-123" not in shown


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "no URL of a database"),
        ("sqlite+aiosqlite:////proc/nowhere/history.db", "cannot be"),
        ("postgresql+psycopg://u:secret-word@127.0.0.1:1/x?password=secret-word", "is the server running there?"),
    ],
)
def test_a_wrong_database(folder: Any, url: str, words: str) -> None:
    shown = check(folder, 2, words, "runs", BENCH_DATABASE_URL=url)
    assert "secret-word" not in shown


def test_a_results_file_that_is_none(folder: Any) -> None:
    (folder.path / "results.json").write_text('{"schema_version": 99}')
    check(folder, 2, "results.json", "show", "results.json")


def test_two_commands_cannot_share_the_local_cloud(folder: Any) -> None:
    with folder.start("cloud", "serve", "--port", "0") as server:
        assert server.stdout.readline()
        check(folder, 2, f"in use by process {server.pid}", "run", "plan.yaml")
        server.terminate()
        assert server.wait(20) == 0


def function_bomb(levels: int) -> onnx.ModelProto:
    """A small file that is 2**levels operators once its functions are written out."""
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("bomb", 1)]
    functions = [
        helper.make_function(
            "bomb",
            f"f{level}",
            ["x"],
            ["y"],
            [
                helper.make_node(
                    f"f{level - 1}" if level else "Identity", ["x"], ["m"], domain="bomb" if level else ""
                ),
                helper.make_node(
                    f"f{level - 1}" if level else "Identity", ["m"], ["y"], domain="bomb" if level else ""
                ),
            ],
            opset,
        )
        for level in range(levels)
    ]
    value = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("x", "y")]
    node = helper.make_node(f"f{levels - 1}", ["x"], ["y"], domain="bomb")
    graph = helper.make_graph([node], "g", value[:1], value[1:])
    return helper.make_model(graph, opset_imports=opset, functions=functions, ir_version=8)


def outside_data() -> onnx.ModelProto:
    """A model whose weights are said to lie in /etc."""
    weights = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[4])
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="../../../../etc/passwd")
    value = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", value[:1], value[1:], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


HOSTILE_MODELS = {
    "a function bomb": lambda: function_bomb(30).SerializeToString(),
    "data outside its folder": lambda: outside_data().SerializeToString(),
    "random bytes": lambda: random.Random(1).randbytes(5000),
    "3000 levels deep": lambda: nested(3000),
    "a giant tensor": lambda: giant().SerializeToString(),
}


def nested(levels: int) -> bytes:
    """A graph in an attribute in a node in a graph, and so on."""
    content = b""
    for _ in range(levels):
        for tag in (b"\x32", b"\x2a", b"\x0a"):  # a subgraph, an attribute, a node
            content = tag + varint(len(content)) + content
    return b"\x08\x08" + b"\x3a" + varint(len(content)) + content


def varint(number: int) -> bytes:
    """A number as protobuf writes it."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def giant() -> onnx.ModelProto:
    """An initializer of 2**40 elements and no data."""
    model = outside_data()
    del model.graph.initializer[0].external_data[:]
    model.graph.initializer[0].data_location = onnx.TensorProto.DEFAULT
    model.graph.initializer[0].dims[:] = [1 << 20, 1 << 20]
    return model


@pytest.mark.parametrize("name", HOSTILE_MODELS)
def test_a_hostile_model_ends_soon_and_in_words(folder: Any, name: str) -> None:
    (folder.path / "hostile.onnx").write_bytes(HOSTILE_MODELS[name]())
    folder.write("version: 1\nname: x\nmodels: [hostile.onnx]\ndevices: ['*']\n")
    began = time.monotonic()
    check(folder, 2, "hostile.onnx", "run", "plan.yaml")
    assert time.monotonic() - began < 30
