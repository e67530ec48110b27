"""One process at a time: the second is told who has it, and a killed holder frees it."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.errors import RunBusy
from orchestrator.history import run_lock
from orchestrator.history.database import open_engine
from orchestrator.history.lock import held
from orchestrator.history.run_lock import is_run_held, run_held

HOLDER = """
import sys, time
from pathlib import Path
from orchestrator.history.lock import held
with held(Path(sys.argv[1]), "run x"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_process_is_told_who_has_it(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "x.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunBusy, match=rf"run x is in use by process {holder.pid} on "), held(path, "run x"):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with held(path, "run x"):
            assert str(os.getpid()) in path.read_text()


def test_it_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with held(tmp_path / "x.lock", "run x"):
            pass


def test_of_two_machines_one_has_a_run(postgres_url: str, tmp_path: Path) -> None:
    async def walk() -> None:
        async with open_engine(postgres_url) as one, open_engine(postgres_url) as other:
            async with run_held(one, "x", tmp_path / "here"):
                with pytest.raises(RunBusy, match=rf"run x is in use by process {os.getpid()} on "):
                    async with run_held(other, "x", tmp_path / "there"):
                        pass
                async with run_held(other, "y", tmp_path / "there"):
                    pass
                assert await is_run_held(other, "x", tmp_path / "there")
                assert not await is_run_held(other, "y", tmp_path / "there")
            async with run_held(other, "x", tmp_path / "there"):
                pass

    asyncio.run(walk())


def test_a_run_is_free_once_it_is_left_though_the_server_learns_late_of_a_connection_that_ends(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_still: list[AsyncConnection] = []

    async def end_late(connection: AsyncConnection) -> None:
        open_still.append(connection)

    async def walk() -> None:
        async with open_engine(postgres_url) as one, open_engine(postgres_url) as other:
            with monkeypatch.context() as patch:
                for end in ("invalidate", "close"):
                    patch.setattr(AsyncConnection, end, end_late)
                async with run_held(one, "x", tmp_path / "here"):
                    pass
            async with run_held(other, "x", tmp_path / "there"):
                await open_still[0].invalidate()
                await open_still[0].close()

    asyncio.run(walk())


async def end_holder(engine: AsyncEngine) -> None:
    """Ends the connection that holds a run, and waits until the server has let the run go."""
    holder = "select pid from pg_locks where locktype = 'advisory' and granted"
    async with engine.connect() as connection:
        pid = (await connection.exec_driver_sql(holder)).scalar_one()
        await connection.exec_driver_sql(f"select pg_terminate_backend({pid}, 5000)")


def test_a_run_lost_in_an_outage_is_taken_again(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_lock, "BETWEEN_LOOKS_S", 0.01)

    async def walk() -> None:
        async with (
            open_engine(postgres_url) as one,
            open_engine(postgres_url) as other,
            run_held(one, "x", tmp_path / "here"),
            asyncio.timeout(20),
        ):
            for _ in range(2):
                await end_holder(other)
                await is_taken(other)

    async def is_taken(engine: AsyncEngine) -> None:
        is_held = "select count(*) from pg_locks where locktype = 'advisory' and granted"
        async with engine.connect() as connection:
            while not (await connection.exec_driver_sql(is_held)).scalar_one():
                await asyncio.sleep(0.01)

    asyncio.run(walk())


def test_who_has_lost_a_run_to_another_stops(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_lock, "BETWEEN_LOOKS_S", 0.5)
    reached = []

    async def work(one: AsyncEngine, other: AsyncEngine) -> None:
        async with AsyncExitStack() as stack, run_held(one, "x", tmp_path / "here"):
            await end_holder(other)
            await stack.enter_async_context(run_held(other, "x", tmp_path / "there"))
            reached.append("the other has it")
            await asyncio.sleep(60)
            reached.append("went on")

    async def walk() -> None:
        async with open_engine(postgres_url) as one, open_engine(postgres_url) as other:
            with pytest.raises(RunBusy, match="run x is in use by process"):
                await work(one, other)
            assert reached == ["the other has it"]

    asyncio.run(walk())
