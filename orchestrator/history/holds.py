"""The quota back-off that all workers share: a cloud that refused a job for its quota is held.

While a cloud is held, submissions pass one at a time: each that passes pushes the hold out, and is the only one until
then; one that succeeds, or a job that ends, opens it for the next. All times are the database's. PostgreSQL only.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from orchestrator.history.outage import outage_proof
from orchestrator.history.schema import CLOUD_HOLD

FORGOTTEN_AFTER = timedelta(minutes=10)  # without another refusal


@outage_proof
class Holds:
    """The held clouds of one database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def refuse(self, cloud: str, seconds: float) -> None:
        """The cloud refused a job for its quota: nobody submits for so long."""
        times = {"until": _in(timedelta(seconds=seconds)), "refused_at": sa.func.now()}
        held = insert(CLOUD_HOLD).values(cloud=cloud, **times)
        async with self._engine.begin() as connection:
            await connection.execute(held.on_conflict_do_update(index_elements=["cloud"], set_=times))

    async def pass_by(self, cloud: str, seconds: float) -> bool:
        """Whether this one may submit now; if so, nobody else for so long, unless the cloud is not held at all."""
        is_held = sa.select(CLOUD_HOLD.c.until).where(CLOUD_HOLD.c.cloud == cloud)
        is_mine = (CLOUD_HOLD.c.cloud == cloud) & (CLOUD_HOLD.c.until <= sa.func.now())
        async with self._engine.begin() as connection:
            if (await connection.execute(is_held)).first() is None:
                return True
            pushed = CLOUD_HOLD.update().where(is_mine).values(until=_in(timedelta(seconds=seconds)))
            return (await connection.execute(pushed)).rowcount == 1

    async def open(self, cloud: str) -> None:
        """There may be room again: the next may try. A hold without a refusal for long is forgotten."""
        is_it, is_old = CLOUD_HOLD.c.cloud == cloud, CLOUD_HOLD.c.refused_at < _in(-FORGOTTEN_AFTER)
        async with self._engine.begin() as connection:
            if (await connection.execute(sa.select(CLOUD_HOLD.c.until).where(is_it))).first() is not None:
                await connection.execute(CLOUD_HOLD.delete().where(is_it & is_old))
                await connection.execute(CLOUD_HOLD.update().where(is_it).values(until=sa.func.now()))


def _in(span: timedelta) -> sa.ColumnElement[datetime]:
    return sa.func.now() + sa.cast(sa.literal(span), sa.Interval())
