"""The tables: made by revisions, brought up to date with what is in them, once however many start at the same time."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from orchestrator.domain.cell import Cell
from orchestrator.domain.run import RunState
from orchestrator.errors import UsageError
from orchestrator.history.asked import Asked
from orchestrator.history.database import open_connection, open_engine
from orchestrator.history.fresh import make_tables
from orchestrator.history.journal import open_journal
from orchestrator.history.past import read_past
from orchestrator.history.schema import METADATA
from orchestrator.history.upgrade import upgrade
from orchestrator.history.version import HEAD, VERSION, version_of

RUN, CELL = "20260101T000000Z-abcdef", Cell(model="m", device="d1")
BEFORE_REVISIONS = Path(__file__).with_name("before_revisions.sql").read_text()


def execute(url: str, *statements: str) -> None:
    async def inside() -> None:
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            for statement in statements:
                await connection.exec_driver_sql(statement)
        await engine.dispose()

    asyncio.run(inside())


@pytest.fixture
def before_revisions(database_url: str) -> str:
    """A database as bench made it before there were revisions, with one run in it."""
    tables = BEFORE_REVISIONS if "sqlite" in database_url else BEFORE_REVISIONS.replace("DATETIME", "TIMESTAMPTZ")
    execute(database_url, *tables.split(";\n")[:-1])
    return database_url


def differences(connection: sa.Connection) -> list[object]:
    assert version_of(connection) == HEAD
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, METADATA))


async def assert_all_there(url: str) -> None:
    async with open_engine(url) as engine, engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        if "sqlite" in url:
            assert (await connection.exec_driver_sql("pragma foreign_keys")).scalar() == 1


def everything(connection: sa.Connection) -> dict[str, object]:
    """All that the database says of its tables, but for the order of their columns; and the rows that are there."""
    look = sa.inspect(connection)
    tables = sorted(look.get_table_names())
    assert tables == sorted([*METADATA.tables, "alembic_version"])
    return {
        name: {
            "columns": sorted(({**column, "type": repr(column["type"])} for column in look.get_columns(name)), key=str),
            "key": look.get_pk_constraint(name),
            "unique": sorted(look.get_unique_constraints(name), key=str),
            "foreign": sorted(look.get_foreign_keys(name), key=str),
            "checks": sorted(look.get_check_constraints(name), key=str),
            "indexes": sorted(look.get_indexes(name), key=str),
            "rows": [*connection.execute(sa.text(f'select * from "{name}"'))],
        }
        for name in tables
    }


def test_a_new_database_has_exactly_what_all_revisions_come_to(database_url: str) -> None:
    def both_ways(connection: sa.Connection) -> None:
        assert make_tables(connection)
        assert not make_tables(connection)
        made = everything(connection)
        assert differences(connection) == []
        METADATA.drop_all(connection)
        VERSION.drop(connection)
        connection.commit()
        upgrade(connection)
        assert made == everything(connection)
        assert differences(connection) == []

    async def walk() -> None:
        engine = create_async_engine(database_url)
        async with engine.connect() as connection:
            await connection.run_sync(both_ways)
        await engine.dispose()

    asyncio.run(walk())


def test_what_was_written_before_there_were_revisions_is_all_there_after_them(before_revisions: str) -> None:
    async def walk() -> None:
        await assert_all_there(before_revisions)
        async with open_journal(before_revisions) as journal:
            entry = await journal.run(RUN)
            assert entry.run.state is RunState.COMPLETED
            assert [job.key.cell for job in await journal.jobs(RUN)] == [CELL]
            asked = Asked(project=entry.plan.project, run_id="3", at=datetime(2026, 2, 1, tzinfo=UTC))
            found = await journal.baselines.rolling(asked, [CELL], limit=9)
            assert [session.jobs("latency_p50_ms") for session in found[CELL]] == [(1.0, 2.0, 3.0)]
            assert await journal.baselines.names() == {"release/1": RUN}
            assert await journal.baselines.anew(asked, [CELL]) == {CELL: datetime(2026, 1, 2, 0, 1, tzinfo=UTC)}
            assert (await journal.baselines.accept(RUN, who="ada", reason="", now=asked.at))[0] == 1
            with open_connection(before_revisions) as connection:
                past = read_past(connection, entry.plan.project, [CELL], "latency_p50_ms", asked.at, limit=9)
            (night,), (whole,) = past[CELL].sessions, found[CELL]
            dropped = {"trust": night.trust, "iterations": {}, "unit_shares": {}}
            assert night == replace(whole, **dropped)

    asyncio.run(walk())


FOREIGN = {
    "a newer version's": [
        "create table alembic_version (version_num text)",
        "insert into alembic_version values ('x')",
    ],
    "another program's": ["create table run (id text primary key)"],
}


@pytest.mark.parametrize("statements", FOREIGN.values(), ids=FOREIGN)
def test_a_database_that_is_not_ours_is_left_alone(database_url: str, statements: list[str]) -> None:
    execute(database_url, *statements)

    async def walk() -> None:
        with pytest.raises(UsageError, match="another version's"):
            async with open_engine(database_url):
                pass
        engine = create_async_engine(database_url)
        async with engine.connect() as connection:
            tables = await connection.run_sync(lambda there: sa.inspect(there).get_table_names())
        await engine.dispose()
        assert tables == [statements[0].split()[2]]

    asyncio.run(walk())


STARTERS = """
import asyncio, multiprocessing, os, signal, sys
import sqlalchemy as sa
from orchestrator.history import upgrade  # before the fork: all then begin at the same moment
from orchestrator.history.asked import Asked
from orchestrator.history.database import open_engine

async def start():
    async with open_engine(sys.argv[1]) as engine, engine.connect() as connection:
        await connection.exec_driver_sql("select id from run")

def start_and_be_killed():
    sa.Connection.commit = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    asyncio.run(start())

def start_with_the_others():
    barrier.wait()
    asyncio.run(start())

def ends(*targets):
    starters = [forked.Process(target=target) for target in targets]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    return {starter.exitcode for starter in starters}

forked = multiprocessing.get_context("fork")
barrier = forked.Barrier(6)
print(ends(start_and_be_killed), ends(*[start_with_the_others] * 6))
"""


@pytest.mark.parametrize("before", ["nothing", "first tables"])
def test_of_many_starters_one_makes_the_tables_though_one_before_them_was_killed(
    request: pytest.FixtureRequest, database_url: str, before: str
) -> None:
    if before == "first tables":
        request.getfixturevalue("before_revisions")
    command = [sys.executable, "-c", STARTERS, database_url]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "{-9} {0}\n"
    asyncio.run(assert_all_there(database_url))


def test_a_database_is_made_and_opened_again_without_alembic(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "orchestrator.history.upgrade", None)
    asyncio.run(assert_all_there(database_url))
    asyncio.run(assert_all_there(database_url))


def test_head_is_the_newest_revision() -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        upgrade(connection, "heads")
        assert version_of(connection) == HEAD
