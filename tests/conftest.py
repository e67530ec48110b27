"""Guards for every test: no stray settings, no writes to the home folder, no host but this one."""

import os
import socket
from pathlib import Path

import pytest

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
        *(name for name in os.environ if name.startswith("AWS_")),
    ):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture(autouse=True)
def guarded_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for another host fails with that host's name."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        assert host in LOOPBACK or self.family == socket.AF_UNIX, f"a test tried to reach {host}"
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)
