"""What trends are drawn from, beside the whole of each session: to list many cells, so much less is read."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_SQLITE = """
    update session set night = json_array(
        json_extract(entry, '$.planned'),
        json(coalesce(json_extract(entry, '$.missing'), '[]')),
        json(coalesce(json_extract(entry, '$.context'), '{}')),
        json(case when json_extract(entry, '$.profiled') then 'true' else 'false' end),
        json(coalesce(json_extract(entry, '$.values'), '{}'))
    )
"""
_POSTGRESQL = """
    update session set night = json_build_array(
        parsed -> 'planned',
        coalesce(parsed -> 'missing', '[]'),
        coalesce(parsed -> 'context', '{}'),
        coalesce(parsed -> 'profiled', 'false'),
        coalesce(parsed -> 'values', '{}')
    )
    from (select run_id, model, device, variant, number, cast(entry as jsonb) as parsed from session) as entries
    where (session.run_id, session.model, session.device, session.variant, session.number)
        = (entries.run_id, entries.model, entries.device, entries.variant, entries.number)
"""


def upgrade() -> None:
    """Adds them to all sessions that there are."""
    op.add_column("session", sa.Column("night", sa.Text, nullable=False, server_default="[]"))
    op.execute(_SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL)
