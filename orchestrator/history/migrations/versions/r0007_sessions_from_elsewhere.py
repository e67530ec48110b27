"""Sessions, pairs and names may be of runs that were carried out elsewhere, whose rows are in another database."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Lets them be without a run here."""
    naming = {"fk": "%(table_name)s_%(column_0_name)s_fkey"}
    for table in ("session", "pair", "named_run"):
        with op.batch_alter_table(table, naming_convention=naming) as changed:
            changed.drop_constraint(f"{table}_run_id_fkey", type_="foreignkey")
