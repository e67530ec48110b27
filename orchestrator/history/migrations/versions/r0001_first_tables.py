"""The first tables: runs, their jobs and sessions, accepted changes and names."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes them."""
    op.create_table(
        "run",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("plan", sa.String, nullable=False, index=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("gates", sa.Text, nullable=False),
    )
    op.create_table(
        "job",
        sa.Column("run_id", sa.String, sa.ForeignKey("run.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.String, nullable=False) for name in ("model", "device", "variant")),
        sa.Column("repeat", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.UniqueConstraint("run_id", "model", "device", "variant", "repeat"),
    )
    op.create_table(
        "session",
        sa.Column("run_id", sa.String, sa.ForeignKey("run.id"), primary_key=True),
        *(sa.Column(name, sa.String, primary_key=True) for name in ("model", "device", "variant")),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted", sa.Boolean, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Index("session_of_cell", "project", "model", "device", "variant", "at"),
    )
    op.create_table(
        "fresh_start",
        sa.Column("run_id", sa.String, sa.ForeignKey("run.id"), primary_key=True),
        *(sa.Column(name, sa.String, primary_key=True) for name in ("model", "device", "variant")),
    )
    op.create_table(
        "named_run",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("run_id", sa.String, sa.ForeignKey("run.id"), nullable=False),
    )
