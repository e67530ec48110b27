"""A database that cannot be opened: what is wrong, where, and the way out, without the password."""

import asyncio
import re
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from orchestrator.errors import UsageError
from orchestrator.history.database import database_in_words, open_engine, sqlite_url

PASSWORD = "open:sesame@1"


def refusal(url: str) -> str:
    async def walk() -> str:
        with pytest.raises(UsageError) as refused:
            async with open_engine(url):
                pass
        return str(refused.value)

    return asyncio.run(walk())


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
