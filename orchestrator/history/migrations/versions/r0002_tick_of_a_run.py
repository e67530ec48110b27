"""A run may say which time of its plan's schedule it is for; a time has one run."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Runs until now are for none."""
    op.add_column("run", sa.Column("tick", sa.String))
    op.create_index("ix_run_tick", "run", ["tick"], unique=True)
