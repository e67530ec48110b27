"""Alerts, and a stamp on all that runs are judged by: what counted when a run ended can be told at any later time."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

CELL = ("model", "device", "variant")


def upgrade() -> None:
    """Makes them; what there is has the stamp 0."""
    connection = op.get_bind()
    starts = connection.execute(sa.text(_STARTS).columns(since=_time())).mappings().all()
    names = connection.execute(sa.text("select name, 0 as stamp, run_id from named_run")).mappings().all()
    for table in ("fresh_start", "named_run"):
        op.drop_table(table)
    op.bulk_insert(op.create_table("last_stamp", sa.Column("stamp", sa.Integer, nullable=False)), [{"stamp": 0}])
    op.add_column("run", sa.Column("alerts", sa.Text, nullable=False, server_default="[]"))
    op.add_column("run", sa.Column("seen", sa.Integer))
    op.add_column("session", sa.Column("stamp", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "alert",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("stamp", sa.Integer, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        *(sa.Column(name, sa.String, nullable=False) for name in CELL),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Index("alert_of_cell", "project", *CELL),
    )
    fresh_start = op.create_table(
        "fresh_start",
        *(sa.Column(name, sa.String, primary_key=True) for name in ("project", *CELL)),
        sa.Column("stamp", sa.Integer, primary_key=True),
        sa.Column("since", _time(), nullable=False),
        sa.Column("accepted", sa.Boolean, nullable=False),
    )
    named_run = op.create_table(
        "named_run",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("stamp", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.String, sa.ForeignKey("run.id")),
    )
    op.bulk_insert(fresh_start, [{**row} for row in starts])
    op.bulk_insert(named_run, [{**row} for row in names])


# A cell that was accepted twice begins anew at the later time. The sessions of these runs were made to count by
# themselves, so that none other has to be: `accepted` is false.
_STARTS = """
    select s.project, s.model, s.device, s.variant, 0 as stamp, max(s.at) as since, false as accepted
    from fresh_start f
    join session s on (s.run_id, s.model, s.device, s.variant) = (f.run_id, f.model, f.device, f.variant)
    where s.number = 1
    group by s.project, s.model, s.device, s.variant
"""


def _time() -> sa.DateTime:
    return sa.DateTime(timezone=True)
