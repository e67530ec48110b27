"""Several machines on one computer: workers in processes and folders of their own, and a cloud that all reach."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer

from orchestrator.cli.main import main
from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.server import running_server
from orchestrator.protocol.device_cloud import Device
from tests.warm_bench import Started, WarmBench

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
BENCH = str(Path(sys.executable).with_name("bench"))
OPTIONS = ("--takeover", "4", "--concurrency", "20")
PATIENCE_S = 120.0


@contextmanager
def bounded(what: str, within_s: float, printed: Callable[[], str]) -> Iterator[None]:
    """Fails with what was printed where the block has not ended in time."""

    def fail(*_: Any) -> None:
        pytest.fail(f"{what} has not ended after {within_s:g} s; it printed:\n{printed()}")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, within_s, 5)  # and again, should something catch it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


P = TypeVar("P", subprocess.Popen[str], Started)


@dataclass
class Machines:
    """A laboratory: where its workers find everything, and those that run."""

    folder: Path
    environment: dict[str, str]
    warm: WarmBench
    processes: list["subprocess.Popen[str] | Started"] = field(default_factory=list)

    def command(self, machine: str, *options: str) -> "subprocess.Popen[str]":
        """Starts the real `bench worker`, and comes back when it is ready."""

        def start() -> "subprocess.Popen[str]":
            with (place / "log").open("a") as log:
                environment = os.environ | self.environment
                return subprocess.Popen(
                    [BENCH, "worker", *OPTIONS, *options], cwd=place, env=environment, stdout=log, stderr=log, text=True
                )

        place = self._place(machine)
        return self._ready(machine, start)

    def worker(self, machine: str, *options: str, first: str = "") -> Started:
        """As `command`, at once; `first` is Python code that it begins with."""

        def start() -> Started:
            arguments, environment = ("worker", *OPTIONS, *options), os.environ | self.environment
            return self.warm.start(arguments, place, environment, place / "log", first=first)

        place = self._place(machine)
        return self._ready(machine, start)

    def _place(self, machine: str) -> Path:
        place = self.folder / machine
        place.mkdir(exist_ok=True)
        return place

    def _ready(self, machine: str, start: Callable[[], P]) -> P:
        before = self.log(machine).count(" ready ")
        process = start()
        self.processes.append(process)
        self.wait_for(lambda: self.log(machine).count(" ready ") > before)
        return process

    def bench(self, machine: str, *arguments: str, within_s: float = PATIENCE_S) -> "subprocess.CompletedProcess[str]":
        """Runs the command there to its end, in this process."""
        out, err = StringIO(), StringIO()

        def printed() -> str:
            return out.getvalue() + err.getvalue()

        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self._place(machine))
            for name, value in self.environment.items():
                patch.setenv(name, value)
            with bounded(" ".join(arguments), within_s, printed):
                code = main(list(arguments))
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    def log(self, machine: str) -> str:
        """All that the machine's commands said."""
        path = self.folder / machine / "log"
        return path.read_text() if path.exists() else ""

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        """Waits until it is so."""
        end = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < end, {path.parent.name: path.read_text() for path in self.folder.glob("*/log")}
            time.sleep(0.05)

    def plan(self, text: str) -> str:
        """Writes a plan; its path."""
        (self.folder / "plan.yaml").write_text(text)
        return str(self.folder / "plan.yaml")

    def ended(self, run_id: str) -> list[str]:
        """The machines that say that they ended the run."""
        logs = {path.parent.name: path.read_text() for path in self.folder.glob("*/log")}
        return [machine for machine, log in logs.items() for line in log.splitlines() if f"{run_id} ended" in line]


@pytest.fixture
def machines(tmp_path: Path, postgres_url: str, warm_bench: WarmBench) -> Iterator[Machines]:
    """The laboratory; whatever still runs at the end is killed."""
    environment = {
        "BENCH_DATABASE_URL": postgres_url,
        "BENCH_STORE_URL": str(tmp_path / "store"),
        "EMBEDL_HUB_API_KEY": "simulated-cloud-key",
    }
    made = Machines(folder=tmp_path, environment=environment, warm=warm_bench)
    yield made
    for process in made.processes:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=PATIENCE_S)


@pytest.fixture
def farm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Makes simulated clouds, and the model `m.onnx` for them, as slow as is asked for."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from farm.models import Traits, write_model
    from farm.process import Terms, running_farm

    def write(slower: float = 1.0) -> None:
        write_model(tmp_path / "m.onnx", Traits(role="m", slower=slower))

    write()
    with ExitStack() as open_farms:

        def make(**terms: Any) -> Any:
            given = {"devices": 3, "run_s": (3.0, 6.0), "ios_every": 0, "time_scale": 0.1} | terms
            return open_farms.enter_context(running_farm(Terms(**given)))

        make.write = write  # type: ignore[attr-defined]
        yield make


@pytest.fixture
def restart_postgres(postgres_server: Any) -> Callable[[], None]:
    """Stops PostgreSQL at once, leaves it away for a moment, and starts it again."""

    def restart() -> None:
        postgres_server.stop()
        time.sleep(2)  # the outage
        postgres_server.ensure_postgres_running()

    return restart


@pytest.fixture
def bucket(machines: Machines) -> Iterator[str]:
    """The address of a store in a bucket of a real S3 server, and in the machines' environment how to get at it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "bench", "aws_secret_access_key": "bucket-secret", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=url, **keys).create_bucket(Bucket="bench")
    machines.environment |= {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bucket-secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url,
    }
    yield "s3://bench/lab"
    server.stop()


@dataclass
class LocalCloud:
    """A running local cloud, the orders that its device carried out, and whether it goes on with them."""

    base_url: str
    orders: list[Any]
    going: Event


@pytest.fixture
def local_cloud(machines: Machines, farm: Any) -> Iterator[LocalCloud]:
    """The local cloud with room for two unfinished jobs, whose device takes its time and answers."""
    from farm.fleet import Device as Simulated
    from farm.results import results_archive

    orders: list[Any] = []
    going = Event()
    going.set()

    def answer(order: Any, scratch: Path, *, stop: Event | None = None) -> Path:
        orders.append(order)
        going.wait(PATIENCE_S)
        time.sleep(0.3)  # what a device takes
        archive = scratch / "results.zip"
        archive.write_bytes(results_archive(Simulated(name="d", platform="ANDROID", slowness=0.5), np.full(50, 9.0)))
        return archive

    def devices() -> tuple[Device, ...]:
        return (Device(name="host-cpu-1t", os="Linux 6", platform="ANDROID", model_formats=["onnx"]),)

    key = machines.environment["EMBEDL_HUB_API_KEY"]
    data = machines.folder / "cloud"
    config = CloudConfig(data_dir=data, api_key=key, key_was_given=True, job_quota=2, execute=answer, devices=devices)
    with running_server(config) as server:
        yield LocalCloud(base_url=server.base_url, orders=orders, going=going)
