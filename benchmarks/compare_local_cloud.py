"""How near the local cloud's figures come to those of ONNX Runtime alone, on this machine and at this hour.

Jobs of the local cloud (a sandboxed child, the whole measurement) alternate with a bare loop in a fresh process: the
same model, threads and number of runs, nothing around it. What counts is the ratio of the medians, to be within 3 %,
and that the jobs spread no more than the bare loop does. Ratios within one run are told, not times: those differ
between machines and hours. A pair during which the machine was busy with something else is set aside and measured
anew, up to three times as many pairs in all; where fewer than seven stay, all count, and none is set aside.

    python benchmarks/compare_local_cloud.py [--pairs 9] [--device host-cpu-1t] [MODEL ...]
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.localcloud.host import threads_of
from orchestrator.localcloud.worker import WorkOrder, execute
from orchestrator.protocol.results import read_results

MODELS = Path(__file__).parent / "models"
PAIRS, LEAST_PAIRS, MOST_TRIES = 9, 7, 3
WITHIN = 0.03
MAX_RUN_DELAY = 0.05
RUNS, SECONDS = 30, 1.0
TIMEOUT_S = 120.0

# Written for its brevity: no sandbox, no profile, none of our code. Input, warm-up and length are the local cloud's.
BARE_LOOP = """
import glob, json, sys, time
import numpy, onnxruntime
path, threads, runs, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
random = numpy.random.default_rng(0)
feed = {i.name: random.standard_normal(i.shape, dtype=numpy.float32) for i in session.get_inputs()}
for _ in range(10):
    session.run(None, feed)
def waited_s():
    return sum(int(open(f).read().split()[1]) for f in glob.glob("/proc/self/task/*/schedstat")) / 1e9
times, before, begin = [], waited_s(), time.perf_counter()
while len(times) < runs or time.perf_counter() - begin < seconds:
    start = time.perf_counter()
    session.run(None, feed)
    times.append(time.perf_counter() - start)
delay = (waited_s() - before) / (time.perf_counter() - begin)
print(json.dumps([sorted(times)[len(times) // 2] * 1e3, delay]))
"""


@dataclass(frozen=True, kw_only=True)
class Job:
    """The median of a job's runs in milliseconds, and how much of its time it waited for a core (0 to 1)."""

    median_ms: float
    run_delay: float


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A job of each kind, one right after the other."""

    cloud: Job
    bare: Job

    @property
    def is_quiet(self) -> bool:
        """Whether the machine left both alone."""
        return max(self.cloud.run_delay, self.bare.run_delay) <= MAX_RUN_DELAY


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The pairs of one model: those that count, and how many were set aside."""

    model: str
    pairs: Sequence[Pair]
    set_aside: int

    @property
    def ratio(self) -> float:
        """The local cloud's median over the bare loop's; 1 is what we want."""
        return statistics.median(self._cloud_ms) / statistics.median(self._bare_ms)

    def row(self) -> str:
        """A line of the table."""
        holds = "yes" if abs(self.ratio - 1) <= WITHIN else "NO"
        return (
            f"{self.model:<14}{len(self.pairs):>6}{self.set_aside:>6}{self.ratio:>9.3f}{holds:>9}"
            f"{spread(self._cloud_ms):>14.1%}{spread(self._bare_ms):>14.1%}"
        )

    @property
    def _cloud_ms(self) -> list[float]:
        return [pair.cloud.median_ms for pair in self.pairs]

    @property
    def _bare_ms(self) -> list[float]:
        return [pair.bare.median_ms for pair in self.pairs]


def spread(values: Sequence[float]) -> float:
    """The middle half of the values as a share of their median: one disturbed job of either kind does not decide."""
    low, middle, high = statistics.quantiles(values, n=4)
    return (high - low) / middle


def measure_on_cloud(model: Path, device: str) -> Job:
    """A job of the local cloud."""
    with tempfile.TemporaryDirectory() as folder:
        bundle, work, results = (Path(folder) / name for name in ("bundle", "work", "results"))
        for made in (bundle, work, results):
            made.mkdir()
        shutil.copy(model, bundle)
        params = {"num_runs": str(RUNS), "min_secs": str(SECONDS)}
        order = WorkOrder(device_name=device, model_path=bundle / model.name, params=params, timeout_s=TIMEOUT_S)
        found = read_results(execute(order, work), results).onnxruntime
    if found is None or found.wall_clock is None or found.noise is None:
        message = f"{model.name} was not measured: {found and found.error}"
        raise SystemExit(message)
    return Job(median_ms=found.wall_clock.p50, run_delay=found.noise.run_delay_pct / 100)


def measure_bare(model: Path, device: str) -> Job:
    """A bare loop."""
    command = [sys.executable, "-c", BARE_LOOP, str(model), str(threads_of(device)), str(RUNS), str(SECONDS)]
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, timeout=TIMEOUT_S)
    median_ms, run_delay = json.loads(done.stdout)
    return Job(median_ms=median_ms, run_delay=run_delay)


def measure_pair(model: Path, device: str, *, cloud_first: bool) -> Pair:
    """Both kinds; which goes first alternates, so that a drift of the machine hits both alike."""
    if cloud_first:
        cloud = measure_on_cloud(model, device)
        return Pair(cloud=cloud, bare=measure_bare(model, device))
    bare = measure_bare(model, device)
    return Pair(cloud=measure_on_cloud(model, device), bare=bare)


def compare(model: Path, device: str, wanted: int, progress: Callable[[str], None]) -> Comparison:
    """Measures until so many quiet pairs are there, or three times as many pairs in all."""
    pairs: list[Pair] = []
    quiet: list[Pair] = []
    while len(quiet) < wanted and len(pairs) < MOST_TRIES * wanted:
        progress(f"{model.stem}: {len(quiet)} of {wanted} pairs")
        pairs.append(measure_pair(model, device, cloud_first=len(pairs) % 2 == 0))
        quiet = [pair for pair in pairs if pair.is_quiet]
    counted = quiet if len(quiet) >= LEAST_PAIRS else pairs
    return Comparison(model=model.stem, pairs=counted, set_aside=len(pairs) - len(counted))


def main() -> None:
    """Prints the table; exit code 1 where a ratio is not within the bound."""
    parser = argparse.ArgumentParser(description="Compares the local cloud with ONNX Runtime alone.")
    parser.add_argument("models", nargs="*", type=Path, default=sorted(MODELS.glob("*.onnx")), metavar="MODEL")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--device", default="host-cpu-1t")
    arguments = parser.parse_args()
    if arguments.pairs < LEAST_PAIRS or not arguments.models:
        parser.error(f"needs {LEAST_PAIRS} pairs and a model; make the models with benchmarks/models/make_models.py")

    def progress(text: str) -> None:
        print(f"\r{text:<30}", end="", file=sys.stderr, flush=True)

    found = [compare(model, arguments.device, arguments.pairs, progress) for model in arguments.models]
    progress("")
    print(f"\n{'model':<14}{'pairs':>6}{'aside':>6}{'ratio':>9}{'in 3 %':>9}{'cloud spread':>14}{'bare spread':>14}")
    for comparison in found:
        print(comparison.row())
    sys.exit(any(abs(comparison.ratio - 1) > WITHIN for comparison in found))


if __name__ == "__main__":
    main()
