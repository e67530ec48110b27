"""News of runs: who was told of what, and what is on its way to them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Makes the tables; nobody was told anything."""
    key = ("plan", "target", "kind", "about")
    op.create_table("told", *(sa.Column(name, sa.String, primary_key=True) for name in key))
    op.create_table(
        "letter",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("plan", sa.String, nullable=False, index=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True)),
        sa.Column("entry", sa.Text, nullable=False),
    )
