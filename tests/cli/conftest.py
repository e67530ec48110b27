"""The real command in a process of its own, in a folder with a small model of each format."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.warm_bench import WarmBench

BENCH = str(Path(sys.executable).with_name("bench"))
TINY = Path(__file__).parents[2] / "benchmarks" / "models" / "tiny.tflite"

PLAN = """\
version: 1
name: small
models: [small.onnx, tiny.tflite]
devices: [host-cpu-1t, host-cpu-1t-ios]
params: {num_runs: 5, warmup_runs: 1, min_secs: 0.02, max_secs: 0.2}
repeats: 1
limits: {poll_interval: 100ms}
"""


@dataclass(frozen=True)
class Folder:
    """A working folder."""

    path: Path
    warm: WarmBench
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, plan: str = PLAN, name: str = "plan.yaml") -> Path:
        """Writes a plan."""
        (self.path / name).write_text(plan)
        return self.path / name

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """Starts the command."""
        return subprocess.Popen(
            [BENCH, *arguments],
            cwd=self.path,
            env=os.environ | self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def bench(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Runs the command to its end."""
        return self.warm.run(arguments, self.path, os.environ | self.environment | environment, 120)

    def shown(self, *arguments: str, **environment: str) -> str:
        """What the command prints on stdout, on one line."""
        return " ".join(self.bench(*arguments, **environment).stdout.split())

    def runs(self) -> list[Path]:
        """The folders of the runs so far, oldest first."""
        return sorted(path for path in (self.path / "reports").glob("*") if path.is_dir())


def small_model() -> onnx.ModelProto:
    """A network of one convolution, with a dynamic batch."""
    weights = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv")
    graph = helper.make_graph(
        [node],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4, 14, 14])],
        [weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def folder(tmp_path: Path, make_folder: Callable[[Path], Folder]) -> Folder:
    """A working folder with a plan, small.onnx and tiny.tflite."""
    return make_folder(tmp_path / "work")


@pytest.fixture(scope="session")
def make_folder(warm_bench: WarmBench) -> Callable[[Path], Folder]:
    """Makes such a folder."""

    def folder_in(path: Path) -> Folder:
        path.mkdir()
        onnx.save(small_model(), path / "small.onnx")
        (path / "tiny.tflite").write_bytes(TINY.read_bytes())
        made = Folder(path=path, warm=warm_bench)
        made.write()
        return made

    return folder_in


@pytest.fixture
def served(folder: Folder, tmp_path: Path) -> Any:
    """`bench cloud serve` in a process of its own; gives its address and a way to start it again after a kill."""
    processes = []

    def serve(port: str = "0") -> str:
        process = folder.start(
            "cloud", "serve", "--port", port, "--data", str(tmp_path / "cloud"), BENCH_CLOUD_API_KEY="served-key-123"
        )
        processes.append(process)
        assert process.stdout
        line = process.stdout.readline()
        assert "listens on" in line, process.stderr and process.stderr.read()
        return str(line.split()[5])

    serve.processes = processes  # type: ignore[attr-defined]
    yield serve
    for process in processes:
        process.kill()
        process.communicate()


Serve = Callable[..., str]
