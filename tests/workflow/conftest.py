"""A world for whole runs: a real local cloud on real sockets, whose devices answer with results that a test chooses."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.client.cloud import open_cloud
from orchestrator.client.settings import CloudSettings
from orchestrator.domain.device import DeviceSelector
from orchestrator.domain.event import Event
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.model import Model, ModelFormat, Tensor
from orchestrator.domain.plan import Limits, ModelEntry, Plan
from orchestrator.domain.report import Report
from orchestrator.domain.run import Run, new_run_id
from orchestrator.domain.secret import Secret
from orchestrator.history.database import sqlite_url
from orchestrator.history.journal import open_journal
from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.server import running_server
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


def good_files() -> dict[str, bytes]:
    """What a device that measured leaves."""
    return {"onnxruntime-result.json": result_file(), "onnxruntime-profile.json": json.dumps(PROFILE).encode()}


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
class World:
    """A cloud, a plan for it, and a folder for everything."""

    folder: Path
    base_url: str
    devices: Devices
    plan: Plan
    models: tuple[Model, ...]
    events: list[Event] = field(default_factory=list)
    transport: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] | None = None

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
        entry = self.entry(**plan_change)

        async def write() -> None:
            async with open_journal(self.database_url) as journal:
                await journal.begin(entry)

        asyncio.run(write())
        return entry

    def carry_on(self, entry: RunEntry, pace: Pace | None = None) -> Report:
        """Drives a journalled run, as `bench run` and `bench resume` do."""

        async def drive() -> Report:
            async with open_journal(self.database_url) as journal, self.open_cloud() as cloud:
                return await benchmark(entry, cloud, journal, self.events.append, pace or Pace())

        return asyncio.run(drive())

    def open_cloud(self) -> Any:
        """A client of the cloud, through the test's transport if there is one."""
        return open_cloud(self.settings)

    def run(self, **plan_change: Any) -> Report:
        """A whole run."""
        return self.carry_on(self.begin(**plan_change))

    def get(self, path: str) -> Any:
        """What the cloud's API answers, outside of any run."""
        answer = httpx.get(self.base_url + path, headers={"Authorization": f"Bearer {KEY}"})
        answer.raise_for_status()
        return answer.json()["data"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A running cloud, and a plan of one model on two devices, two repeats, that waits for nothing."""
    model_file = tmp_path / "m.onnx"
    model_file.write_bytes(b"a model that only the test's devices understand")
    devices = Devices()
    config = CloudConfig(data_dir=tmp_path / "cloud", api_key=KEY, key_was_given=True, execute=devices, ios_linger_s=0.3)
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
        limits=Limits(poll_interval_s=0.05, queue_timeout_s=20, run_timeout_s=20, retries=1, reconcile_s=1.0),
    )
    with ExitStack() as stack:
        server = stack.enter_context(running_server(config))
        yield World(folder=tmp_path, base_url=server.base_url, devices=devices, plan=plan, models=(model,))
