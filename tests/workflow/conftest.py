"""A world for whole runs: a real local cloud on real sockets, whose devices answer with results that a test chooses."""

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.client.cloud import open_cloud
from orchestrator.client.retry import Waiting
from orchestrator.client.settings import CloudSettings
from orchestrator.domain.conversion import ConvertedModel
from orchestrator.domain.device import DeviceSelector
from orchestrator.domain.event import Event
from orchestrator.domain.journal import JobEntry, RunEntry
from orchestrator.domain.model import Model, ModelFormat, Tensor
from orchestrator.domain.plan import Limits, ModelEntry, Plan
from orchestrator.domain.report import Report
from orchestrator.domain.run import Run, new_run_id
from orchestrator.domain.secret import Secret
from orchestrator.history.database import sqlite_url
from orchestrator.history.journal import open_journal
from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.server import running_server
from orchestrator.protocol.device_cloud import Device as WireDevice
from orchestrator.protocol.results import write_results
from orchestrator.workflow.benchmark import benchmark
from orchestrator.workflow.pace import Pace
from orchestrator.workflow.targets import resolve_targets

KEY = "test-key-0123456789"
LATENCY_MS = 12.5
PROFILE = [
    {"cat": "Session", "pid": 1, "tid": 1, "dur": 100, "ts": 0, "ph": "X", "name": "model_run", "args": {}},
    {
        "cat": "Node",
        "pid": 1,
        "tid": 1,
        "dur": 90,
        "ts": 1,
        "ph": "X",
        "name": "conv1_kernel_time",
        "args": {"op_name": "Conv", "provider": "CPUExecutionProvider", "node_index": "0"},
    },
]


def result_file(**change: Any) -> bytes:
    """An onnxruntime-result.json of a job that measured `LATENCY_MS`."""
    clock = dict.fromkeys(("mean", "p50", "p90", "p95", "min", "max"), LATENCY_MS) | {"n": 3, "std": 0.0}
    content = {
        "schema_version": 1,
        "runtime": {"name": "onnxruntime", "version": "1.32.0"},
        "status": "ok",
        "host": {"cpu_model": "test", "cores": 2, "os": "Linux"},
        "threads": 1,
        "spinning": False,
        "load_cold_ms": 5.0,
        "first_inference_ms": 13.0,
        "samples_ms": [LATENCY_MS] * 3,
        "wall_clock": clock,
    }
    return json.dumps(content | change).encode()


def profile_file(layer_us: int = 90) -> bytes:
    """ONNX Runtime's profile of some runs of one layer: one event a line, as the runtime writes them."""
    durations = {"model_run": layer_us + 10, "conv1_kernel_time": layer_us}
    events = [
        {**event, "ts": event["ts"] + 2 * layer_us * run, "dur": durations[event["name"]]}
        for run in range(8)
        for event in PROFILE
    ]
    return ("[\n" + ",\n".join(json.dumps(event) for event in events) + "\n]").encode()


def good_files() -> dict[str, bytes]:
    """What a device that measured leaves."""
    return {"onnxruntime-result.json": result_file(), "onnxruntime-profile.json": profile_file()}


def offered_devices() -> tuple[WireDevice, ...]:
    """One device of each platform, on any machine."""
    names = {"host-cpu-1t": "ANDROID", "host-cpu-1t-ios": "IOS"}
    return tuple(
        WireDevice(name=name, os="Linux 6", platform=platform, model_formats=["onnx"])
        for name, platform in names.items()
    )


@dataclass
class Devices:
    """The executor of the test's cloud. `answer` decides what each execution leaves; by default good results."""

    answer: Callable[[int, Any], dict[str, bytes] | bytes | Exception] = lambda number, order: good_files()
    orders: list[Any] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, order: Any, scratch: Path, *, stop: threading.Event | None = None) -> Path:
        with self.lock:
            self.orders.append(order)
            number = len(self.orders)
        answer = self.answer(number, order)
        if isinstance(answer, Exception):
            raise answer
        archive = scratch / "results.zip"
        if isinstance(answer, bytes):
            archive.write_bytes(answer)
        else:
            write_results(answer, archive)
        return archive


@dataclass
class Fault:
    """What goes wrong with the requests that match, the `times` first ones after `skip` were let through.

    `before` answers instead of the cloud: the request never arrives. `after` spoils the answer of a request that did,
    which comes `late_s` seconds late.
    """

    method: str
    path: str
    before: Callable[[httpx.Request], httpx.Response] | None = None
    after: Callable[[httpx.Request, httpx.Response], httpx.Response] | None = None
    late_s: float = 0.0
    skip: int = 0
    times: int = 1
    met: int = 0

    def is_due(self, request: httpx.Request) -> bool:
        """Whether this request is one of those that go wrong; counts it."""
        if request.method != self.method or not re.fullmatch(self.path, request.url.path):
            return False
        self.met += 1
        return self.skip < self.met <= self.skip + self.times


class FaultyTransport(httpx.AsyncBaseTransport):
    """The real way to the cloud, with faults on it. It keeps what passed: (method, path, had credentials)."""

    def __init__(self, faults: list[Fault]) -> None:
        self._real = httpx.AsyncHTTPTransport()
        self._faults = faults
        self.passed: list[tuple[str, str, bool]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Passes the request on, unless a fault is due."""
        due = next((fault for fault in self._faults if fault.is_due(request)), None)
        if due and due.before:
            return due.before(request)
        self.passed.append((request.method, request.url.path, "authorization" in request.headers))
        response = await self._real.handle_async_request(request)
        if due:
            await asyncio.sleep(due.late_s)
        if due and due.after:
            await response.aread()
            await response.aclose()
            return due.after(request, response)
        return response

    async def aclose(self) -> None:
        """Closes the real way."""
        await self._real.aclose()


class Hurry:
    """Time for the client's back-off: nobody waits, but the clock goes on as if they had."""

    def __init__(self) -> None:
        self.slept_s = 0.0

    def clock(self) -> float:
        """Seconds, with those that were slept."""
        return time.monotonic() + self.slept_s

    async def sleep(self, seconds: float) -> None:
        """Lets others go on."""
        self.slept_s += seconds
        await asyncio.sleep(0)


@dataclass
class World:
    """A cloud, a plan for it, and a folder for everything."""

    folder: Path
    base_url: str
    devices: Devices
    plan: Plan
    models: tuple[Model, ...]
    converted: tuple[ConvertedModel, ...] = ()
    events: list[Event] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    hurry: Hurry | None = None
    begun: RunEntry | None = None
    api: FaultyTransport | None = None
    storage: FaultyTransport | None = None

    def entry(self, **plan_change: Any) -> RunEntry:
        """A new run of the plan."""
        plan = replace(self.plan, **plan_change)
        now = datetime.now(UTC)
        run = Run(
            id=new_run_id(now),
            plan=plan.name,
            project=plan.project,
            cloud=self.base_url,
            started_at=now,
            plan_sha256=plan.sha256,
            tool_version="0",
        )
        targets = resolve_targets(plan, asyncio.run(self.offered()))
        return RunEntry(
            run=run,
            plan=plan,
            models=self.models,
            devices=targets.devices,
            cells=targets.cells,
            folder=self.folder / "reports" / run.id,
            command="bench run plan.yaml",
            converted=self.converted,
        )

    async def offered(self) -> Any:
        """The cloud's devices."""
        async with open_cloud(self.settings) as cloud:
            return await cloud.device_cloud.devices()

    @property
    def settings(self) -> CloudSettings:
        """How to reach the cloud."""
        return CloudSettings(base_url=self.base_url, api_key=Secret(KEY))

    @property
    def database_url(self) -> str:
        """Where the journal is."""
        return sqlite_url(self.folder / "home")

    def begin(self, **plan_change: Any) -> RunEntry:
        """Journals a new run."""
        self.begun = entry = self.entry(**plan_change)

        async def write() -> None:
            async with open_journal(self.database_url) as journal:
                await journal.begin(entry)

        asyncio.run(write())
        return entry

    def begin_on_faulty(self, **plan_change: Any) -> RunEntry:
        """Journals a new run on the devices that the cloud seems to offer through the faults."""

        async def offered() -> Any:
            async with self.open_cloud() as cloud:
                return await cloud.device_cloud.devices()

        self.offered = offered  # type: ignore[method-assign]
        return self.begin(**plan_change)

    def good(self) -> dict[str, bytes]:
        """What a device that measured leaves."""
        return good_files()

    def carry_on(self, entry: RunEntry, pace: Pace | None = None) -> Report:
        """Drives a journalled run, as `bench run` and `bench resume` do."""

        async def drive() -> Report:
            async with open_journal(self.database_url) as journal, self.open_cloud() as cloud:
                return await benchmark(entry, cloud, journal, self.events.append, pace or Pace())

        return asyncio.run(drive())

    def open_cloud(self) -> Any:
        """A client of the cloud, over the test's faults."""
        self.hurry = hurry = Hurry()
        self.api, self.storage = FaultyTransport(self.faults), FaultyTransport(self.faults)
        waiting = Waiting(clock=hurry.clock, sleep=hurry.sleep, fraction=lambda: 1.0)
        return open_cloud(self.settings, api_transport=self.api, storage_transport=self.storage, waiting=waiting)

    def run(self, **plan_change: Any) -> Report:
        """A whole run."""
        return self.carry_on(self.begin(**plan_change))

    def journalled(self, entry: RunEntry) -> tuple[JobEntry, ...]:
        """The jobs as the journal has them."""

        async def read() -> tuple[JobEntry, ...]:
            async with open_journal(self.database_url) as journal:
                return await journal.jobs(entry.run.id)

        return asyncio.run(read())


@pytest.fixture
def make_fault() -> type[Fault]:
    """Makes a fault."""
    return Fault


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A running cloud, and a plan of one model on two devices, two repeats, that waits for nothing."""
    with world_in(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def make_world() -> Callable[[Path], AbstractContextManager[World]]:
    """Makes such a world in a folder."""
    return world_in


@contextmanager
def world_in(tmp_path: Path) -> Iterator[World]:
    model_file = tmp_path / "m.onnx"
    model_file.write_bytes(b"a model that only the test's devices understand")
    devices = Devices()
    config = CloudConfig(
        data_dir=tmp_path / "cloud",
        api_key=KEY,
        key_was_given=True,
        execute=devices,
        devices=offered_devices,
        ios_linger_s=0.3,
    )
    model = Model(
        name="m",
        path=model_file,
        format=ModelFormat.ONNX,
        sha256="1" * 64,
        size_bytes=model_file.stat().st_size,
        inputs=(Tensor(name="x", dtype="float32", shape=(1, 3)),),
        outputs=(),
        operators={"Conv": 1},
    )
    plan = Plan(
        path=tmp_path / "plan.yaml",
        text="version: 1\n",
        sha256="2" * 64,
        name="p",
        project="p",
        models=(ModelEntry(name="m", path=model_file),),
        devices=(DeviceSelector(name="host-cpu-1t"), DeviceSelector(name="host-cpu-1t-ios")),
        repeats=2,
        tags={"team": "vision"},
        params={"num_threads": "1"},
        limits=Limits(poll_interval_s=0.05, queue_timeout_s=20, run_timeout_s=20, retries=1, reconcile_s=3.0),
    )
    with running_server(config) as server:
        yield World(folder=tmp_path, base_url=server.base_url, devices=devices, plan=plan, models=(model,))


@pytest.fixture
def error_result() -> Callable[[str], dict[str, bytes]]:
    """Makes what a device leaves whose model failed; "nan": that measured nonsense."""

    def make(kind: str) -> dict[str, bytes]:
        if kind == "nan":
            return {"onnxruntime-result.json": result_file().replace(b"12.5", b"NaN")}
        return {"onnxruntime-result.json": result_file(status="error", error={"kind": kind, "message": "it broke"})}

    return make


@dataclass
class HubBooks:
    """The cloud's own books, read from its database: what really happened, whoever says what."""

    database: Path

    def run(self, run_id: str) -> dict[str, Any]:
        """A run."""
        (row,) = self.rows("select * from runs where id = ?", run_id)
        return row

    def runs(self) -> list[dict[str, Any]]:
        """All runs."""
        return self.rows("select * from runs")

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs that were ever submitted."""
        return self.rows("select * from jobs")

    def tags(self, run_id: str) -> dict[str, str]:
        """A run's tags."""
        return self._pairs("tags", "value", run_id)

    def params(self, run_id: str) -> dict[str, str]:
        """A run's params."""
        return self._pairs("params", "value", run_id)

    def metrics(self, run_id: str) -> dict[str, float]:
        """A run's metrics; of those with steps one."""
        return self._pairs("metrics", "value", run_id)

    def artifacts(self, run_id: str) -> dict[str, str]:
        """A run's artifacts: file name -> status."""
        rows = self.rows("select file_name, status from artifacts where run_id = ?", run_id)
        return {row["file_name"]: row["status"] for row in rows}

    def artifact_statuses(self, run_id: str) -> list[str]:
        """The status of each of a run's artifacts."""
        return [row["status"] for row in self.rows("select status from artifacts where run_id = ?", run_id)]

    def _pairs(self, table: str, value: str, run_id: str) -> dict[str, Any]:
        rows = self.rows(f"select name, {value} from {table} where run_id = ?", run_id)
        return {row["name"]: row[value] for row in rows}

    def rows(self, query: str, *values: str) -> list[dict[str, Any]]:
        """The rows of a query, as dicts."""
        with closing(sqlite3.connect(self.database)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]


@pytest.fixture
def hub(world: World) -> HubBooks:
    """The books of the world's cloud."""
    (database,) = (world.folder / "cloud").rglob("*.db")
    return HubBooks(database=database)


@pytest.fixture(scope="session")
def profile_bytes() -> Callable[[int], bytes]:
    """Makes a profile of one layer, conv1, that takes so many microseconds."""
    return profile_file


@pytest.fixture(scope="session")
def result_bytes() -> Callable[..., bytes]:
    """Makes an onnxruntime-result.json."""
    return result_file


@pytest.fixture(scope="module")
def dying() -> Iterator[Callable[[World, RunEntry, int, str], int]]:
    """Drives a run in a process of its own, killed at that write of the journal; gives its return code."""
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("dying_process.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdin
        assert parent.stdout

        def go_on(world: World, entry: RunEntry, number: int, moment: str) -> int:
            print(world.base_url, world.database_url, entry.run.id, number, moment, file=parent.stdin, flush=True)
            return int(parent.stdout.readline())

        yield go_on
        parent.stdin.close()
    assert parent.returncode == 0
