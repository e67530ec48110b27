"""Which revision of the tables a database has. Asked at every start, so Alembic is not needed to answer."""

import sqlalchemy as sa

HEAD = "0008"  # the newest in migrations/versions
_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))


def version_of(connection: sa.Connection) -> str | None:
    """The revision a database is at; None where it does not say."""
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(sa.select(_VERSION.c.version_num)).scalar()
