"""What users get wrong: a short message with the place, the cause and the way out, and the documented exit code."""

import socket
from typing import Any

import pytest

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
    check(folder, 4, "no connection", "devices", "--cloud", deaf, **KEY)


def test_a_refused_key(folder: Any, served: Any) -> None:
    address = served()
    shown = check(folder, 4, "key", "run", "plan.yaml", "--cloud", address, **KEY)
    assert "some-key-123" not in shown


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "no database URL"),
        ("sqlite+aiosqlite:////proc/nowhere/history.db", "cannot be"),
        ("postgresql+psycopg://u:secret-word@127.0.0.1:1/x", "psycopg"),
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
