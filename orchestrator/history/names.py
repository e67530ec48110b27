"""Names that people gave to runs."""

from collections.abc import Mapping

import sqlalchemy as sa

from orchestrator.history.schema import NAMED_RUN
from orchestrator.history.stamp import NOW


def read_names(connection: sa.Connection, until: int = NOW) -> Mapping[str, str]:
    """All names with their runs' ids, as they were at a stamp."""
    query = sa.select(NAMED_RUN).where(NAMED_RUN.c.stamp <= until).order_by(NAMED_RUN.c.stamp)
    newest = {row.name: row.run_id for row in connection.execute(query)}
    return {name: run_id for name, run_id in sorted(newest.items()) if run_id is not None}
