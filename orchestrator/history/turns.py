"""Whose turn it is: which jobs of detached runs are on the queue, within the limits that hold across all workers.

Every change of turns is one transaction under one lock for the whole cloud, and what is put on the queue is put there
in the same transaction: so the limits hold exactly, and no crash comes between a turn and its task. PostgreSQL only.

Every device is busy before any has one waiting; then those with most work left go first, by what earlier runs took.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.domain.journal import ON_THE_CLOUD, JobState
from orchestrator.domain.run import RunState
from orchestrator.history.outage import outage_proof
from orchestrator.history.schema import DETACHED, JOB, RUN

_MEASURING = [state for state in JobState if not state.has_outcome]
_LOCKS = 0x62656E  # the first half of the advisory locks' numbers; the second is the cloud's


class Turn(StrEnum):
    """Where a job of a detached run stands. One that is over was driven as far as it went."""

    WAITING = "waiting"
    HANDED_OUT = "handed_out"
    OVER = "over"


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a worker is asked for: to drive the job in that place of the run's order; without one, to end the run."""

    run_id: str
    position: int | None = None


Put = Callable[[Any, Sequence[Task]], Awaitable[None]]
"""Puts tasks on the queue, within the transaction of the driver's own connection."""


@dataclass(frozen=True, kw_only=True)
class _Limits:
    run_id: str
    in_flight: int
    per_device: int


@outage_proof
class Turns:
    """The turns of all detached runs in one database. Each method takes the `put` of the queue it puts tasks on."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def hand_out(self, run_id: str, put: Put) -> None:
        """Puts on the queue what the limits of the run's cloud allow now, the oldest run first."""
        async with self._locked(run_id) as (connection, cloud):
            await _hand_out(connection, cloud, put)

    async def over(self, run_id: str, position: int, put: Put) -> None:
        """This job was driven as far as it goes: others may follow, and after the last one the run is to be ended."""
        async with self._locked(run_id) as (connection, cloud):
            await connection.execute(JOB.update().where(_is_at(run_id, [position])).values(turn=Turn.OVER))
            await _hand_out(connection, cloud, put)
            await _settle_if_over(connection, run_id, put)

    async def go_on(self, run_id: str, put: Put, *, again: bool = False) -> None:
        """The run is not to be ended yet: jobs were added. `again` gives those another turn that are not done."""
        async with self._locked(run_id) as (connection, cloud):
            await connection.execute(DETACHED.update().where(DETACHED.c.run_id == run_id).values(settling=False))
            if again:
                await _hand_out_again(connection, run_id, put)
            await _hand_out(connection, cloud, put)
            await _settle_if_over(connection, run_id, put)

    async def is_over(self, run_id: str) -> bool:
        """Whether no job of the run is waiting or with a worker."""
        async with self._engine.connect() as connection:
            return await _is_over(connection, run_id)

    async def find_lost(self, on_queue: Callable[[], Awaitable[Collection[Task]]], put: Put) -> tuple[Task, ...]:
        """Puts what is handed out but not on the queue there again, and what the limits allow besides."""
        async with self._engine.connect() as connection:
            runs = (await connection.execute(_running())).all()
        lost: list[Task] = []
        for run in runs:
            async with self._locked(run.run_id) as (connection, cloud):
                there = await on_queue()  # now that nobody else hands out
                missing = [task for task in await _handed_out(connection, run.run_id) if task not in there]
                lost += missing
                if missing:
                    await put(await _driver(connection), missing)
                await _hand_out(connection, cloud, put)
                await _settle_if_over(connection, run.run_id, put)
        return tuple(lost)

    @asynccontextmanager
    async def _locked(self, run_id: str) -> AsyncIterator[tuple[AsyncConnection, str]]:
        async with self._engine.begin() as connection:
            of_run = sa.select(DETACHED.c.cloud).where(DETACHED.c.run_id == run_id)
            cloud = (await connection.execute(of_run)).scalar_one()
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCKS, sa.func.hashtext(cloud))))
            yield connection, cloud


async def _hand_out(connection: AsyncConnection, cloud: str, put: Put) -> None:
    runs = [_Limits(**row) for row in (await connection.execute(_running(cloud))).mappings()]
    if not runs:
        return
    busy = await _busy(connection, [run.run_id for run in runs])
    on_device = Counter[str]()
    for (_, device), count in busy.items():
        on_device[device] += count
    for run in runs:
        free = run.in_flight - sum(count for (run_id, _), count in busy.items() if run_id == run.run_id)
        await _give(connection, run.run_id, await _next(connection, run, free, on_device), put)


async def _hand_out_again(connection: AsyncConnection, run_id: str, put: Put) -> None:
    """Those that may be on a device go first, whatever the limits say: they count already."""
    of_run, done = JOB.c.run_id == run_id, JOB.c.state == JobState.DONE
    left = of_run & (JOB.c.turn == Turn.OVER) & ~done
    there = sa.select(JOB.c.position).where(left & JOB.c.state.in_(ON_THE_CLOUD)).order_by(JOB.c.position)
    await _give(connection, run_id, list((await connection.execute(there)).scalars()), put)
    await connection.execute(JOB.update().where(left).values(turn=Turn.WAITING))
    await connection.execute(JOB.update().where(of_run & done & (JOB.c.turn == Turn.WAITING)).values(turn=Turn.OVER))


async def _next(connection: AsyncConnection, run: _Limits, free: int, on_device: Counter[str]) -> list[int]:
    """The places of the next jobs, at most so many; counts them."""
    picked: list[int] = []
    for most in range(1, run.per_device + 1):
        while free > len(picked):
            full = [device for device, count in on_device.items() if count >= most]
            which = (JOB.c.run_id == run.run_id) & (JOB.c.turn == Turn.WAITING) & JOB.c.position.not_in(picked)
            rows = sa.select(JOB.c.position, JOB.c.device).where(which & JOB.c.device.not_in(full))
            found = (await connection.execute(rows.order_by(JOB.c.rank).limit(free))).all()
            if not found:
                break
            for row in found:
                if len(picked) < free and on_device[row.device] < most:
                    on_device[row.device] += 1
                    picked.append(row.position)
    return picked


async def _busy(connection: AsyncConnection, run_ids: Sequence[str]) -> dict[tuple[str, str], int]:
    """How many jobs are being measured, or soon are: by run and device."""
    which = JOB.c.run_id.in_(run_ids) & (JOB.c.turn == Turn.HANDED_OUT) & JOB.c.state.in_(_MEASURING)
    query = sa.select(JOB.c.run_id, JOB.c.device, sa.func.count().label("jobs")).where(which)
    rows = await connection.execute(query.group_by(JOB.c.run_id, JOB.c.device))
    return {(row.run_id, row.device): row.jobs for row in rows}


async def _give(connection: AsyncConnection, run_id: str, positions: Sequence[int], put: Put) -> None:
    if positions:
        await connection.execute(JOB.update().where(_is_at(run_id, positions)).values(turn=Turn.HANDED_OUT))
        await put(await _driver(connection), [Task(run_id=run_id, position=position) for position in positions])


async def _settle_if_over(connection: AsyncConnection, run_id: str, put: Put) -> None:
    """Asks for the run's end once, by whoever finds it over first."""
    if not await _is_over(connection, run_id):
        return
    mine = (DETACHED.c.run_id == run_id) & ~DETACHED.c.settling & DETACHED.c.run_id.in_(_running_ids())
    if (await connection.execute(DETACHED.update().where(mine).values(settling=True))).rowcount:
        await put(await _driver(connection), [Task(run_id=run_id)])


async def _is_over(connection: AsyncConnection, run_id: str) -> bool:
    left = sa.select(JOB.c.position).where((JOB.c.run_id == run_id) & JOB.c.turn.in_((Turn.WAITING, Turn.HANDED_OUT)))
    return (await connection.execute(left.limit(1))).first() is None


async def _handed_out(connection: AsyncConnection, run_id: str) -> list[Task]:
    of_run = (JOB.c.run_id == run_id) & (JOB.c.turn == Turn.HANDED_OUT)
    jobs = (await connection.execute(sa.select(JOB.c.position).where(of_run))).scalars()
    settling = (DETACHED.c.run_id == run_id) & DETACHED.c.settling & DETACHED.c.run_id.in_(_running_ids())
    is_settling = (await connection.execute(sa.select(DETACHED.c.run_id).where(settling))).first() is not None
    end = [Task(run_id=run_id)] if is_settling else []
    return [*(Task(run_id=run_id, position=position) for position in jobs), *end]


def _running(cloud: str | None = None) -> sa.Select[Any]:
    columns = (DETACHED.c.run_id, DETACHED.c.in_flight, DETACHED.c.per_device)
    running = sa.select(*columns).where(DETACHED.c.run_id.in_(_running_ids())).order_by(DETACHED.c.run_id)
    return running if cloud is None else running.where(DETACHED.c.cloud == cloud)


def _running_ids() -> sa.Select[Any]:
    return sa.select(RUN.c.id).where(RUN.c.state == RunState.RUNNING)


def _is_at(run_id: str, positions: Iterable[int]) -> sa.ColumnElement[bool]:
    return (JOB.c.run_id == run_id) & JOB.c.position.in_(list(positions))


async def _driver(connection: AsyncConnection) -> Any:
    return (await connection.get_raw_connection()).driver_connection
