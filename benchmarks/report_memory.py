"""What `bench report` takes of a run's stored jobs: peak memory and processor of 1,000 jobs, and of 10,000.

A job of the large run shall take no more than one of the small. Each has one attempt, ten metrics and as many layers as
--layers says; each run is compared with another of its size. They are written through the journal itself.
"""

import argparse
import asyncio
import os
import random
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

from history_size import BENCH, run_of

from orchestrator.domain.cell import Cell
from orchestrator.domain.device import Device, Platform
from orchestrator.domain.job import StateChange
from orchestrator.domain.journal import JobEntry, JobState, RunEntry
from orchestrator.domain.measurement import METRICS, Layer, Measurement, Metric
from orchestrator.domain.outcome import Measured
from orchestrator.history.database import sqlite_url
from orchestrator.history.journal import open_journal

SIZES = ((100, 5), (500, 10))  # devices and repeats, of two models each
NOTE = "simulated: no device measured this"


def entry_of(night: int, devices: int, repeats: int, folder: Path) -> RunEntry:
    """A run of two models on so many devices."""
    entry = run_of(night, folder)
    found = tuple(Device(name=f"Phone {number}", platform=Platform.ANDROID) for number in range(devices))
    models = entry.models[:2]
    return replace(
        entry,
        run=replace(entry.run, plan=f"nightly on {devices}"),
        plan=replace(entry.plan, models=entry.plan.models[:2], repeats=repeats),
        models=models,
        devices=found,
        cells=tuple(Cell(model=model.name, device=device.name) for model in models for device in found),
    )


def done(job: JobEntry, entry: RunEntry, layers: int, dice: random.Random) -> JobEntry:
    """The job with its one attempt behind it."""
    begun = entry.run.started_at
    measurement = Measurement(
        metrics={
            name: Metric(
                value=10 * dice.lognormvariate(0, 0.03), unit=kind.unit, definition="linear", source=name, n=50
            )
            for name, kind in list(METRICS.items())[:10]
        },
        layers=tuple(
            Layer(index=place, name=f"layer-{place}", type="Conv", time_us=dice.uniform(10, 1000), compute_unit="CPU")
            for place in range(layers)
        ),
        runtime="simulated 1",
        conditions={"os": "Android 15", "cpu": "Cortex-X4", "threads": "4", "delegates": "XNNPACK"},
    )
    states = ("reserved", "uploaded", "submitted", "QUEUED", "RUNNING", "DONE")
    changes = tuple(StateChange(state=state, at=begun + timedelta(seconds=n)) for n, state in enumerate(states))
    started = replace(job, started_at=begun, job_id=f"job-{dice.getrandbits(48):x}", changes=changes, notes=(NOTE,))
    return replace(
        started.concluded(Measured(measurement=measurement), begun + timedelta(minutes=1)), state=JobState.DONE
    )


async def write(url: str, entries: list[RunEntry], layers: int) -> None:
    """Writes the runs, ended."""
    dice = random.Random(1)
    async with open_journal(url) as journal:
        for entry in entries:
            jobs = [done(job, entry, layers, dice) for job in await journal.begin(entry)]
            await asyncio.gather(*map(journal.move, jobs))


def fill(folder: Path, layers: int) -> list[tuple[str, int]]:
    """Two runs of each size, the second compared with the first; the second's ids and numbers of jobs."""
    pairs = [
        [entry_of(night, devices, repeats, folder) for night in (place, place + 10)]
        for place, (devices, repeats) in enumerate(SIZES)
    ]
    asyncio.run(write(sqlite_url(folder), [entry for pair in pairs for entry in pair], layers))
    return [(last.run.id, len(last.cells) * last.plan.repeats) for _, last in pairs]


def cost(url: str, folder: Path, run: str, form: str) -> tuple[float, float]:
    """Peak MB and processor's seconds of `bench report` of a run in one form."""
    command = [BENCH, "report", run, "--format", form, "--output", str(folder / "out" / form)]
    environment = {**os.environ, "BENCH_DATABASE_URL": url}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1e3, usage.ru_utime + usage.ru_stime


def main() -> None:
    """Prints a line for each size and form."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--layers", type=int, default=20)
    options.add_argument("--forms", nargs="*", default=["all"])
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="report") as name:
        folder = Path(name)
        with ProcessPoolExecutor(1, get_context("spawn")) as apart:  # a child begins with its parent's peak
            runs = apart.submit(fill, folder, given.layers).result()
        for form in given.forms:
            for run, jobs in runs:
                peak_mb, cpu_s = cost(sqlite_url(folder), folder, run, form)
                told = f"{peak_mb:4.0f} MB, {1e3 * peak_mb / jobs:4.0f} kB a job; {1e3 * cpu_s / jobs:.1f} ms a job"
                print(f"{jobs:6,} jobs, {form:5} {told}")


if __name__ == "__main__":
    main()
