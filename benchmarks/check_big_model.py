"""What looking into a large model costs: `bench check`'s inspection beside onnx's own checker and loader.

Makes two models in a temporary folder: one with external data (2.7 GB unless told otherwise), one that has its weights
in itself (at most 1.9 GB: protobuf ends at 2 GiB). Each contender looks at each in a process of its own, once to warm
the page cache and once measured. Printed are the wall time and the peak memory of all its processes, and how many
times the inspection's they are. The inspection alone also reads and hashes all weights, and looks whether they are
there at all; what it costs without the hash is given too.

    python benchmarks/check_big_model.py [--gigabytes 2.7]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

WEIGHTS = "weights.bin"
WIDTH = 8192  # of a layer: its float32 matrix takes 268 MB
OPSET, IR_VERSION = 17, 8

LARGEST_FILE_BYTES = int(1.9e9)

# What each contender runs; then it tells its peak memory, with that of its largest child.
INSPECTION = """
from pathlib import Path
from orchestrator.inputs import model_file
from orchestrator.sandbox.child import run_child
peaks_mb = []
def watched(*arguments, **options):
    result = run_child(*arguments, **options)
    peaks_mb.append(result.peak_mb)
    return result
model_file.run_child = watched
{before}
model_file.inspect_model('big', Path({path!r}))
children_mb = max(peaks_mb)
"""
CONTENDERS = {
    "inspection": INSPECTION.replace("{before}", ""),
    "without the hash": INSPECTION.replace("{before}", "model_file._sha256 = lambda path: ''"),
    "check_model(full)": "import onnx; children_mb = 0; onnx.checker.check_model({path!r}, full_check=True)",
    "onnx.load": "import onnx; children_mb = 0; onnx.load({path!r})",
}
TELL_PEAK = "from orchestrator.sandbox.memory import memory_of; print('peak_mb', memory_of().peak_mb + children_mb)"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one look: its wall time, and the peak memory of its processes together."""

    wall_s: float
    peak_mb: float


def make_model(path: Path, size_bytes: int, *, external: bool) -> None:
    """A chain of matrix products with random weights, in one file beside the model if `external`."""
    layer_bytes = WIDTH * WIDTH * 4
    layers = max(size_bytes // layer_bytes, 1)
    generator = np.random.default_rng(0)
    nodes = [helper.make_node("MatMul", [f"x{n}", f"w{n}"], [f"x{n + 1}"]) for n in range(layers)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, WIDTH]) for name in ("x0", f"x{layers}")]
    graph = helper.make_graph(nodes, "big", ends[:1], ends[1:])
    for layer in range(layers):
        weight = graph.initializer.add(name=f"w{layer}", data_type=TensorProto.FLOAT, dims=[WIDTH, WIDTH])
        if external:
            weight.data_location = TensorProto.EXTERNAL
            place = {"location": WEIGHTS, "offset": str(layer * layer_bytes), "length": str(layer_bytes)}
            for key, value in place.items():
                weight.external_data.add(key=key, value=value)
            append(path.parent / WEIGHTS, generator.bytes(layer_bytes))
        else:
            weight.raw_data = generator.bytes(layer_bytes)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    path.write_bytes(model.SerializeToString())


def append(path: Path, data: bytes) -> None:
    """Puts `data` behind what the file has."""
    with path.open("ab") as file:
        file.write(data)


def measure(code: str) -> Cost:
    """The cost of a fresh interpreter that runs `code`, its start included."""
    started_at = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", f"{code}\n{TELL_PEAK}"], stdout=subprocess.PIPE, text=True, check=True)
    wall_s = time.perf_counter() - started_at
    return Cost(wall_s=wall_s, peak_mb=float(done.stdout.split("peak_mb")[1]))


def compare(path: Path) -> None:
    """Prints one line for each contender."""
    total_bytes = sum(file.stat().st_size for file in path.parent.iterdir())
    print(f"{path.name}: {total_bytes / 1e9:.2f} GB")
    costs = {}
    for name, code in CONTENDERS.items():
        measure(code.format(path=str(path)))
        costs[name] = measure(code.format(path=str(path)))
    own = costs["inspection"]
    for name, cost in costs.items():
        times = f"{cost.wall_s / own.wall_s:6.2f} × the time {cost.peak_mb / own.peak_mb:6.2f} × the memory"
        print(f"  {name:18} {cost.wall_s:6.2f} s {cost.peak_mb:6.0f} MB {times}")


def main() -> None:
    """Makes the models one after the other and compares on each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2.7)
    size_bytes = int(parser.parse_args().gigabytes * 1e9)
    for name, size, external in (
        ("external.onnx", size_bytes, True),
        ("single.onnx", min(size_bytes, LARGEST_FILE_BYTES), False),
    ):
        with tempfile.TemporaryDirectory(prefix="bench-big-model-") as folder:
            make_model(path := Path(folder) / name, size, external=external)
            compare(path)


if __name__ == "__main__":
    main()
