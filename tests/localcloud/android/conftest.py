"""The real adb, on a server of its own, and phones that are simulated behind it."""

import hashlib
import os
import runpy
import socket
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from orchestrator.client.cloud import read_outcome
from orchestrator.domain.outcome import Outcome
from orchestrator.localcloud.android.adb import Adb, find_adb
from orchestrator.localcloud.android.care import Care
from orchestrator.localcloud.android.names import Names
from orchestrator.localcloud.android.phones import Phones
from orchestrator.localcloud.android.tool import install
from orchestrator.localcloud.android.work import PhoneBench
from orchestrator.localcloud.worker import WorkOrder

SimulatedPhone = runpy.run_path(str(Path(__file__).with_name("simulated_phone.py")))["SimulatedPhone"]
TINY = Path(__file__).parents[3] / "benchmarks" / "models" / "tiny.tflite"
AARCH64, X86_64 = 183, 62


@dataclass(frozen=True)
class AdbServer:
    """An adb server of the tests: its binary, and the environment in which the binary finds it."""

    binary: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> str:
        """A call of the binary."""
        called = [str(self.binary), *arguments]
        done = subprocess.run(called, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout + done.stderr


@pytest.fixture(scope="session")
def adb_server() -> Iterator[AdbServer]:
    """Started once, ended at the end; never the user's own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    binary = find_adb(os.environ)
    assert binary, "the extra 'dev' brings adb"
    with tempfile.TemporaryDirectory(prefix="adb") as home:
        settings = {"HOME": home, "ANDROID_ADB_SERVER_PORT": port, "ADB_MDNS": "0", "PATH": os.environ["PATH"]}
        server = AdbServer(binary=binary, environment=settings)
        subprocess.run([binary, "start-server"], env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield server
        finally:
            server.run("kill-server")


@pytest.fixture
def adb(adb_server: AdbServer, monkeypatch: pytest.MonkeyPatch) -> Adb:
    """Our adb, in the environment of the tests' server."""
    monkeypatch.delenv("ADB_SERVER_SOCKET", raising=False)
    for name in ("ANDROID_ADB_SERVER_PORT", "ADB_MDNS", "HOME"):
        monkeypatch.setenv(name, adb_server.environment[name])
    return Adb(binary=adb_server.binary)


@pytest.fixture
def attach(adb: Adb, adb_server: AdbServer, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """attach(**properties): another simulated phone, attached."""
    phones = []

    def attach_one(*faults: str, **properties: str) -> Any:
        named = {name.replace("__", "."): value for name, value in properties.items()}
        phone = SimulatedPhone(tmp_path / f"phone{len(phones)}", **named)
        phones.append(phone)
        phone.start()
        phone.fault(*faults)
        adb_server.run("connect", phone.address)
        return phone

    yield attach_one
    for phone in phones:
        adb_server.run("disconnect", phone.address)
        phone.stop()


@pytest.fixture
def phone(attach: Callable[..., Any]) -> Any:
    """A phone."""
    return attach()


def elf(machine: int = AARCH64, more: bytes = b"pretend") -> bytes:
    """A file that begins as a program for that machine does."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine) + more


@pytest.fixture
def make_elf() -> Callable[..., bytes]:
    """Makes one."""
    return elf


@pytest.fixture
def tiny() -> bytes:
    """A small model."""
    return TINY.read_bytes()


@dataclass(frozen=True)
class Lab:
    """Measures on the phones that are attached; what a job's results say is read as the other end reads it."""

    bench: PhoneBench
    phones: Phones
    tools: Path
    folder: Path

    def measure(
        self, name: str = "Pixel Pretend", *, model: bytes | None = None, kind: str = ".tflite", **order: Any
    ) -> Outcome:
        """One job's outcome."""
        archive = self.execute(name, model=model, kind=kind, **order)
        return read_outcome(archive, Path(tempfile.mkdtemp(dir=self.folder)))

    def execute(
        self, name: str, *, model: bytes | None = None, kind: str = ".tflite", stop: Event | None = None, **order: Any
    ) -> Path:
        """One job's archive."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "scratch").mkdir()
        path = folder / f"model{kind}"
        path.write_bytes(TINY.read_bytes() if model is None else model)
        work = {"device_name": name, "model_path": path, "params": {}, "timeout_s": 30.0, **order}
        return self.bench.execute(WorkOrder(**work), folder / "scratch", stop=stop)


@pytest.fixture
def make_lab(adb: Adb, tmp_path: Path) -> Callable[..., Lab]:
    """make_lab(**care): a lab with the tool installed, in a hurry unless the test says otherwise."""

    def make(**care: Any) -> Lab:
        tools = tmp_path / "tools"
        source = tmp_path / "benchmark_model"
        source.write_bytes(elf())
        install(source, hashlib.sha256(elf()).hexdigest(), tools)
        hurry = {"cooldown_s": 0.0, "settle_s": 0.3, "look_every_s": 0.02, "attach_s": 0.0, **care}
        phones = Phones(adb, Names(tmp_path / "names.json", taken=("host-cpu-1t",)))
        phones.devices()
        return Lab(bench=PhoneBench(adb, phones, Care(**hurry), tools), phones=phones, tools=tools, folder=tmp_path)

    return make
