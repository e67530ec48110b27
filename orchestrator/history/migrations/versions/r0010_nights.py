"""What trends are drawn from, beside the whole of each session: to list many cells, so much less is read."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Adds the column. Of the sessions that there are the whole is read, as before."""
    op.add_column("session", sa.Column("night", sa.Text))
