"""A number that goes up by one with every change of what runs are judged by: sessions, alerts, names, accepted changes.

A time of day would not do: machines disagree about it, and a change may be committed after one that is dated before
it. Stamps are given out under the row's lock, so they are in the order in which changes are committed. Whoever knows
the last stamp and asks for nothing later sees the same rows at any later time.
"""

from typing import TYPE_CHECKING

import sqlalchemy as sa

from orchestrator.history.schema import LAST_STAMP

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

NOW = 2**31 - 1  # later than every stamp: all that is there


async def next_stamp(connection: "AsyncConnection") -> int:
    """The stamp of a change that this transaction makes; others wait for its end before they make theirs."""
    moved = await connection.execute(
        LAST_STAMP.update().values(stamp=LAST_STAMP.c.stamp + 1).returning(LAST_STAMP.c.stamp)
    )
    return int(moved.scalar_one())


async def wait_for_turn(connection: "AsyncConnection") -> None:
    """Until this transaction ends no other makes a change, although this one may make none that has a stamp."""
    await connection.execute(LAST_STAMP.update().values(stamp=LAST_STAMP.c.stamp))


async def last_stamp(connection: "AsyncConnection") -> int:
    """The stamp of the last change that can be seen."""
    return int((await connection.execute(sa.select(LAST_STAMP.c.stamp))).scalar_one())
