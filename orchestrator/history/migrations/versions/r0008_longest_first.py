"""Jobs that workers carry out have a rank: those of the devices with most work left go first."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Adds it; runs that are under way keep their order."""
    with op.batch_alter_table("job") as job:
        job.add_column(sa.Column("rank", sa.Integer, nullable=False, server_default="0"))
        job.drop_index("job_by_turn")
        job.create_index("job_by_turn", ["run_id", "turn", "rank"])
    op.execute("update job set rank = position")
