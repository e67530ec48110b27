"""Tables are made and changed by one process at a time, in one transaction: a killed one leaves nothing half done."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

_STARTERS = 0x62656E6368  # the advisory lock's number: any that all starters share


@contextmanager
def alone(connection: sa.Connection) -> Iterator[None]:
    """A transaction that others who come here wait for; their turn finds everything done."""
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:  # tables are made anew there to be changed, which keys that point at them would forbid
        connection.exec_driver_sql("pragma foreign_keys=off")
    connection.exec_driver_sql("begin immediate" if is_sqlite else f"select pg_advisory_xact_lock({_STARTERS})")
    try:
        yield
        connection.commit()
    finally:
        connection.rollback()
        if is_sqlite:
            connection.exec_driver_sql("pragma foreign_keys=on")
