"""Which revision of the tables a database has. Asked at every start, so Alembic is not needed to answer."""

import sqlalchemy as sa

HEAD = "0010"  # the newest in migrations/versions
VERSION = sa.Table(  # as Alembic makes it
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def version_of(connection: sa.Connection) -> str | None:
    """The revision a database is at; None where it does not say."""
    if not sa.inspect(connection).has_table(VERSION.name):
        return None
    return connection.execute(sa.select(VERSION.c.version_num)).scalar()
