"""The old model beside the new one: its jobs, and sessions of a model beside itself."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = ("run_id", "model", "device", "variant", "repeat")


def upgrade() -> None:
    """Widens what tells jobs apart, and makes the pairs' table."""
    naming = {"uq": "%(table_name)s_%(column_0_N_name)s_key"}
    with op.batch_alter_table("job", naming_convention=naming) as job:
        job.add_column(sa.Column("control", sa.Boolean, nullable=False, server_default=sa.false()))
        job.drop_constraint("job_run_id_model_device_variant_repeat_key", type_="unique")
        job.create_unique_constraint("job_of_run", [*KEY, "control"])
    op.create_table(
        "pair",
        sa.Column("run_id", sa.String, sa.ForeignKey("run.id"), primary_key=True),
        *(sa.Column(name, sa.String, primary_key=True) for name in ("model", "device", "variant")),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("stamp", sa.Integer, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Index("pair_of_cell", "project", "model", "device", "variant", "run_id"),
    )
