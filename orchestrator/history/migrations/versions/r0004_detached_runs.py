"""Runs that workers carry out: whose turn it is, and which clouds want no jobs for now."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds them."""
    with op.batch_alter_table("job") as job:
        job.add_column(sa.Column("turn", sa.String, nullable=False, server_default="waiting"))
        job.create_index("job_by_turn", ["run_id", "turn", "position"])
    op.create_table(
        "detached",
        sa.Column("run_id", sa.String, sa.ForeignKey("run.id"), primary_key=True),
        sa.Column("cloud", sa.String, nullable=False, index=True),
        sa.Column("in_flight", sa.Integer, nullable=False),
        sa.Column("per_device", sa.Integer, nullable=False),
        sa.Column("settling", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "cloud_hold",
        sa.Column("cloud", sa.String, primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=False),
    )
