"""What `bench run` costs on simulated devices of known speed: time, memory, CPU, requests, and how late it looks.

The cloud (`farm/`) runs in a process of its own and keeps the books; `bench` is the real command, its database and its
reports on disk. Every setting runs twice where it is short, so that the second time durations are known.

    python benchmarks/throughput.py                # 120 jobs on 20 devices, twice
    python benchmarks/throughput.py --full         # 1,000 jobs on 100 devices, then 10,000 on 500
    python benchmarks/throughput.py --setting 1000 [--times 2]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from farm.models import Traits, write_model
from farm.process import RunningFarm, Terms, running_farm
from farm.setting import Setting

BENCH = Path(sys.executable).with_name("bench")

SETTINGS = {
    setting.jobs: setting
    for setting in (
        Setting(devices=20, repeats=3, time_scale=0.25),
        Setting(devices=100, repeats=5, time_scale=0.5),
        Setting(devices=500, repeats=10, time_scale=0.5),
    )
}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run cost. `wall_s` is all of the command, from start to exit."""

    jobs: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    cloud_cpu_s: float
    books: Any

    @property
    def busiest_s(self) -> float:
        """What the busiest device was busy for: nobody can be faster."""
        return max(float(device["busy_s"]) for device in self.books["devices"].values())

    @property
    def requests(self) -> int:
        """All that the cloud was asked."""
        return sum(self.books["requests"].values())

    def delay_s(self, share: float) -> float:
        """How long results had been there when they were fetched, at that share of the jobs."""
        delays = sorted(self.books["fetch_delays_s"])
        return float(delays[min(len(delays) - 1, int(share * len(delays)))])


def run(setting: Setting, folder: Path, times: int) -> list[Cost]:
    """The runs of one setting, each against a new cloud of the same devices, with one history."""
    write_model(folder / "short.onnx", Traits(role="short"))
    write_model(folder / "long.onnx", Traits(role="long", run=1.5))
    costs = []
    for _ in range(times):
        with running_farm(Terms(devices=setting.devices, time_scale=setting.time_scale)) as farm:
            costs.append(_run(setting, folder, farm))
    return costs


def _run(setting: Setting, folder: Path, farm: RunningFarm) -> Cost:
    plan = setting.plan("throughput", farm.base_url)
    (folder / "plan.yaml").write_text(plan)
    begin = time.monotonic()
    with (folder / "output.txt").open("w") as output:
        command = subprocess.Popen(
            [BENCH, "run", "plan.yaml"],
            cwd=folder,
            env=os.environ | farm.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(command.pid, 0)
    wall_s = time.monotonic() - begin
    command.returncode = os.waitstatus_to_exitcode(status)
    assert command.returncode == 0, (folder / "output.txt").read_text()[-2000:]
    books = farm.books()
    once = {"submitted": setting.jobs, "over": setting.jobs, "not_fetched": 0, "downloads_with_two_jobs": 0}
    assert books["jobs"] == once
    return Cost(
        jobs=setting.jobs,
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss / 1e3,
        cloud_cpu_s=_cpu_s(farm.process_id),
        books=books,
    )


def _cpu_s(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


LINES: tuple[tuple[str, Callable[[Cost], str]], ...] = (
    ("whole command / busiest device's own time (at most 1.10)", lambda cost: f"{cost.wall_s / cost.busiest_s:.3f}"),
    ("first submission to last end / the same", lambda cost: f"{cost.books['span_s'] / cost.busiest_s:.3f}"),
    ("the busiest device's own time, s", lambda cost: f"{cost.busiest_s:.0f}"),
    ("peak memory, MB (at most 300)", lambda cost: f"{cost.peak_mb:.0f}"),
    ("peak memory a job, kB", lambda cost: f"{1e3 * cost.peak_mb / cost.jobs:.0f}"),
    ("CPU a job, ms", lambda cost: f"{1e3 * cost.cpu_s / cost.jobs:.1f}"),
    ("(the simulated cloud's own CPU a job, ms)", lambda cost: f"{1e3 * cost.cloud_cpu_s / cost.jobs:.1f}"),
    ("requests a job", lambda cost: f"{cost.requests / cost.jobs:.1f}"),
    ("of them looks at jobs and downloads", lambda cost: f"{_looks(cost) / cost.jobs:.1f}"),
    ("results there until fetched, s: median", lambda cost: f"{cost.delay_s(0.5):.2f}"),
    ("... of 95 %", lambda cost: f"{cost.delay_s(0.95):.2f}"),
)


def _looks(cost: Cost) -> int:
    kinds = ("GET api/device-cloud/jobs", "GET api/device-cloud/downloads")
    return sum(cost.books["requests"].get(kind, 0) for kind in kinds)


def main() -> None:
    """Prints one table, a column for each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="1,000 and 10,000 jobs; takes half an hour.")
    parser.add_argument("--setting", type=int, choices=SETTINGS, help="Only this many jobs.")
    parser.add_argument("--times", type=int, default=0, help="Runs of each setting.")
    given = parser.parse_args()
    short, *long = SETTINGS
    chosen = [given.setting] if given.setting else long if given.full else [short]
    costs: list[Cost] = []
    for jobs in chosen:
        with tempfile.TemporaryDirectory() as folder:
            costs += run(SETTINGS[jobs], Path(folder), given.times or (2 if jobs == short else 1))
    print("| | " + " | ".join(f"{cost.jobs:,} jobs on {len(cost.books['devices'])}" for cost in costs) + " |")
    print("|---" * (len(costs) + 1) + "|")
    for name, told in LINES:
        print(f"| {name} | " + " | ".join(map(told, costs)) + " |")


if __name__ == "__main__":
    main()
