"""A new database gets the tables as they are now: what all revisions come to, without the time that they take."""

import sqlalchemy as sa

from orchestrator.history.alone import alone
from orchestrator.history.schema import LAST_STAMP, METADATA
from orchestrator.history.version import HEAD, VERSION


def make_tables(connection: sa.Connection) -> bool:
    """Makes the tables where none of them is there yet; whether it did."""
    with alone(connection):
        if {*METADATA.tables, VERSION.name} & {*sa.inspect(connection).get_table_names()}:
            return False
        METADATA.create_all(connection, checkfirst=False)
        VERSION.create(connection)
        connection.execute(LAST_STAMP.insert(), {"stamp": 0})
        connection.execute(VERSION.insert(), {"version_num": HEAD})
    return True
