"""A database that cannot be opened: what is wrong, where, and the way out, without the password."""

import asyncio
import re
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from orchestrator.errors import DatabaseLost, UsageError
from orchestrator.history.database import database_in_words, open_connection, open_engine, sqlite_url
from orchestrator.history.past import cells_by_project

PASSWORD = "open:sesame@1"


def refusal(url: str) -> str:
    """What is said where it cannot be opened, the same in both ways to open it."""

    async def walk() -> str:
        with pytest.raises(UsageError) as refused:
            async with open_engine(url):
                pass
        return str(refused.value)

    said = asyncio.run(walk())
    with pytest.raises(UsageError) as refused, open_connection(url):
        pass
    assert str(refused.value) == said
    return said


def varied(url: str, **parts: str) -> str:
    return sa.make_url(url).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            {"username": "guarded", "password": "wrong-secret"},
            "password authentication failed .*right user and password",
        ),
        ({"username": "guarded"}, "no password supplied .*put the password"),
        ({"database": "nowhere"}, 'database "nowhere" does not exist .*createdb'),
        ({"username": "nobody"}, 'role "nobody" does not exist .*right user'),
        ({"host": "no.such.host.invalid", "query": {}}, "no.such.host.invalid.*right host"),
        ({"query": {"host": "/nowhere"}}, "No such file or directory .*is the server running here"),
        ({"password": "half", "host": "secret@127.0.0.1"}, "an @ too many.*%40"),
    ],
)
def test_a_postgresql_that_cannot_be_opened(postgres_url: str, parts: dict[str, str], words: str) -> None:
    message = refusal(varied(postgres_url, **parts))
    assert re.search(words, message), message
    assert "secret" not in message
    assert "\n" not in message


def test_a_password_with_signs_of_its_own_is_understood(postgres_url: str) -> None:
    url = varied(postgres_url, username="guarded", password=PASSWORD).replace("+psycopg", "")

    async def walk() -> str:
        async with open_engine(url):
            return await database_in_words(url)

    words = asyncio.run(walk())
    assert "tables up to date" in words
    assert "sesame" not in words


def test_without_the_packages_for_it_the_way_to_them_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "pip install 'device-bench[postgres]'" in refusal("postgresql://u:secret@127.0.0.1/x")


def test_looking_makes_no_tables(tmp_path: Path) -> None:
    for _ in range(2):
        assert "made by the next command" in asyncio.run(database_in_words(sqlite_url(tmp_path)))


def test_who_looks_into_a_new_database_finds_tables(database_url: str) -> None:
    for _ in range(2):
        with open_connection(database_url) as connection:
            assert cells_by_project(connection) == {}


def test_a_connection_that_is_lost_while_somebody_looks_is_told_in_words(postgres_url: str) -> None:
    def look() -> None:
        with open_connection(postgres_url) as connection:
            process = connection.execute(sa.text("select pg_backend_pid()")).scalar()
            with open_connection(postgres_url) as other:
                other.execute(sa.text("select pg_terminate_backend(:process)"), {"process": process})
            cells_by_project(connection)

    with pytest.raises(DatabaseLost, match=r"was lost: .*terminat") as lost:
        look()
    assert "\n" not in str(lost.value)


def test_a_file_that_is_no_database_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_text("a letter, " * 500)
    assert "history.db cannot be opened: file is not a database" in refusal(sqlite_url(tmp_path))
