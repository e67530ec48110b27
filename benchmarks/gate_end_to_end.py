"""How often the gate is right through the real command: `bench run` night after night on simulated devices.

Nothing of `bench` is replaced. Each device of a simulated cloud (`farm/`) is a cell; after `--nights` unchanged nights
the gate judges the same model, one that is 10 % and one that is 20 % slower, in gates of five cells, each slow-down on
a copy of the same past. Beside the counts stand 95 % intervals (Clopper-Pearson) and what gate_simulation.py, which
calls the rules directly, finds for the same world. What is simulated says so in every result.

    python benchmarks/gate_end_to_end.py [--cells 100] [--nights 20] [--unchanged-nights 3] [--world typical]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from farm.fleet import WITHOUT_MEMORY
from farm.models import Traits, write_model
from farm.process import RunningFarm, Terms, running_farm

BENCH = Path(sys.executable).with_name("bench")
CELLS_OF_A_GATE = 5  # as many as are judged at the full level
RUNS_AT_ONCE = 2
CHANGES = (0.0, 0.10, 0.20)
VERDICTS = ("fail", "pass", "inconclusive")
ENDS_WITH_A_VERDICT = (0, 10, 12)

PLAN = """\
version: 1
name: {name}
project: gate-end-to-end
cloud: {cloud}
models: [{{name: net, path: {model}}}]
devices: [{devices}]
repeats: 3
limits: {{in_flight: 400, per_device: 2, poll_interval: 200ms}}
"""
Judged = dict[float, Counter[str]]  # verdicts by change
GATE = "gates: [{metric: latency_p50_ms, max_regression: 5%}]\n"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The command in a folder, with a past of its own."""

    folder: Path
    farm: RunningFarm

    def run(self, name: str, plan: str) -> Path:
        """Runs a plan; its report's folder. Raises RuntimeError where it came to no verdict."""
        (self.folder / f"{name}.yaml").write_text(plan)
        reports = self.folder / "reports" / name
        done = subprocess.run(
            [BENCH, "run", f"{name}.yaml", "--quiet", "--output", reports],
            cwd=self.folder,
            env=os.environ | self.farm.environment,
            capture_output=True,
            text=True,
        )
        if done.returncode not in ENDS_WITH_A_VERDICT:
            message = f"{name}: exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
            raise RuntimeError(message)
        return max(path for path in reports.iterdir() if path.is_dir())

    def with_the_same_past(self, name: str) -> "Bench":
        """Another one, which remembers what this one does."""
        folder = self.folder.with_name(name)
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("reports"))
        return Bench(folder=folder, farm=self.farm)


def measure(
    farm: RunningFarm,
    devices: list[str],
    folder: Path,
    *,
    nights: int,
    unchanged_nights: int,
    changes: tuple[float, ...] = CHANGES,
) -> Judged:
    """The verdicts of each change, on as many cells as there are devices."""
    bench = Bench(folder=folder / "before", farm=farm)
    bench.folder.mkdir()
    for change in changes:
        write_model(bench.folder / _model(change), Traits(role="net", slower=1 + change))
    for night in range(nights):
        bench.run(f"night-{night + 1}", _plan("nights", farm, _model(0.0), devices))
        farm.next_night()
    found: Judged = {}
    for change in changes:
        arm, found[change] = bench.with_the_same_past(f"change-{change:.0%}"), Counter()
        for night in range(unchanged_nights if change == 0 else 1):
            found[change].update(_judged(arm, change, devices, night))
            farm.next_night()
    return found


def _judged(bench: Bench, change: float, devices: list[str], night: int) -> Iterator[str]:
    groups = [devices[begin : begin + CELLS_OF_A_GATE] for begin in range(0, len(devices), CELLS_OF_A_GATE)]

    def run(number: int) -> Path:
        name = f"gate-{night + 1}-{number}"
        return bench.run(name, _plan(name, bench.farm, _model(change), groups[number]) + GATE)

    with ThreadPoolExecutor(RUNS_AT_ONCE) as runs:
        for report in runs.map(run, range(len(groups))):
            gates = json.loads((report / "results.json").read_text())["gates"]
            yield from (gate["verdict"] for gate in gates if gate["rule"].startswith("at most"))


def _model(change: float) -> str:
    return f"net-{change:.2f}.onnx"


def _plan(name: str, farm: RunningFarm, model: str, devices: list[str]) -> str:
    return PLAN.format(name=name, cloud=farm.base_url, model=model, devices=", ".join(devices))


def terms_for(cells: int, world: str, seed: int) -> Terms:
    """A cloud whose jobs take next to no time: here their latencies count."""
    return Terms(
        devices=cells, run_s=(0.1, 0.1), queue_s=0, prepare_s=0, publish_s=0, stopping_s=0, world=world, seed=seed
    )


def main() -> None:
    """Prints the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", type=int, default=100)
    parser.add_argument("--nights", type=int, default=20, help="Unchanged nights before the gate judges (default 20).")
    parser.add_argument("--unchanged-nights", type=int, default=3, help="Nights on which it judges an unchanged model.")
    parser.add_argument("--world", choices=WITHOUT_MEMORY, default="typical")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    devices = [f"simulated-{number:04d}" for number in range(1, given.cells + 1)]
    with (
        tempfile.TemporaryDirectory() as folder,
        running_farm(terms_for(given.cells, given.world, given.seed)) as farm,
    ):
        found = measure(farm, devices, Path(folder), nights=given.nights, unchanged_nights=given.unchanged_nights)
        jobs = farm.books()["jobs"]["submitted"]
    told = f"{given.cells} cells, {given.nights} nights before, {jobs:,} simulated jobs"
    print(f"{given.world}: {told}, through bench run\n")
    _print(found, given.world, given.nights)


def _print(found: Judged, world: str, nights: int) -> None:
    from scipy.stats import binomtest

    print("| change | cells judged | " + " | ".join(f"{verdict}, % (95 % interval)" for verdict in VERDICTS), end="")
    print(" | simulation: fail / pass / inconclusive, % |\n|" + "---|" * 6)
    for change, counts in found.items():
        total = counts.total()
        row = [f"+{change:.0%}" if change else "none", str(total)]
        for verdict in VERDICTS:
            low, high = binomtest(counts[verdict], total).proportion_ci()
            row.append(f"{counts[verdict] / total:.1%} ({low:.1%} to {high:.1%})".replace("%", ""))
        print("| " + " | ".join([*row, _simulated(world, change, nights)]) + " |")
        if others := {name: count for name, count in counts.items() if name not in VERDICTS}:
            print(f"also: {others}")  # a cell without a baseline warns: it counts as judged, and not as passed


def _simulated(world: str, change: float, nights: int) -> str:
    """The same world without `bench` around the rules."""
    import numpy as np
    from gate_rules import by_history
    from gate_worlds import WORLDS, draw

    from orchestrator.domain.decision import Decision

    farm = draw(WORLDS[world], np.random.default_rng(1), trials=2000, change=change, past=nights)
    decided = by_history(farm)
    shares = (float((decided == one).mean()) for one in (Decision.FAIL, Decision.PASS, Decision.UNDECIDED))
    return " / ".join(f"{100 * share:.1f}" for share in shares)


if __name__ == "__main__":
    main()
