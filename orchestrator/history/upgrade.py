"""Brings a database to the newest revision, however many processes want that at the same moment."""

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from orchestrator.history.alone import alone
from orchestrator.history.version import HEAD, version_of

FIRST = "0001"


class NotOurs(Exception):
    """The tables are not those of a revision that this version of bench knows."""


def upgrade(connection: sa.Connection, to: str = HEAD) -> None:
    """Brings the database to a revision.

    Raises NotOurs, and changes nothing, where the database is another program's or a newer version's.
    """
    config = _config(connection)
    with alone(connection):
        found = version_of(connection)
        if found is None and _has_first_tables(connection):
            command.stamp(config, FIRST)
        elif found is not None and found not in _known(config):
            raise NotOurs
        command.upgrade(config, to)


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "orchestrator.history:migrations")
    config.attributes["connection"] = connection
    return config


def _has_first_tables(connection: sa.Connection) -> bool:
    """Whether it was made before there were revisions. Raises NotOurs where its tables only have the same names."""
    with sa.create_engine("sqlite://").connect() as empty:
        command.upgrade(_config(empty), FIRST)
        tables = [name for name in sa.inspect(empty).get_table_names() if name != "alembic_version"]
        first = _columns(empty, tables)
    found = _columns(connection, tables)
    if found and found != first:
        raise NotOurs
    return bool(found)


def _columns(connection: sa.Connection, tables: Iterable[str]) -> Mapping[str, set[str]]:
    look = sa.inspect(connection)
    return {name: {column["name"] for column in look.get_columns(name)} for name in tables if look.has_table(name)}


def _known(config: Config) -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
