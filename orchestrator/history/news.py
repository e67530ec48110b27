"""Who was told of what, and the news on their way to them.

That something is told is written down together with the letter that tells it, before anything is sent; a letter is
claimed before it is sent and settled after. Whoever dies in between leaves a claim: after a while the letter is sent
again and says that it may have arrived before. So nothing is kept back, and at worst something comes twice.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestrator.domain.news import Letter, Subject
from orchestrator.history.document import Document
from orchestrator.history.outage import outage_proof
from orchestrator.history.schema import LETTER, TOLD
from orchestrator.history.stamp import wait_for_turn

CLAIMED_FOR = timedelta(minutes=5)  # longer than a sender takes
KEPT_FOR = timedelta(days=90)
MOST_TRIES = 20

_LETTER = Document(Letter)
_WAITING, _SENDING, _SENT, _GIVEN_UP = "waiting", "sending", "sent", "given up"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What somebody is told from now on, what no more, and the letter that says so, if there is any news."""

    told: Collection[Subject]
    forgotten: Collection[Subject]
    letter: Letter | None


Decide = Callable[[Collection[Subject]], Decision]


@outage_proof
class NewsDesk:
    """Reads and writes what was told."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def decide(self, plan: str, target: str, decide: Decide, *, now: datetime) -> None:
        """Writes what `decide` makes of what was told so far, in one transaction; others wait for their turn."""
        async with self._engine.begin() as connection:
            await wait_for_turn(connection)
            await _decide(connection, plan, target, decide, now)

    async def waiting(self, plan: str, *, now: datetime) -> tuple[Letter, ...]:
        """The letters of a plan that are not sent and that nobody is sending now, oldest first."""
        query = sa.select(LETTER.c.entry).where((LETTER.c.plan == plan) & _is_free(now)).order_by(LETTER.c.written_at)
        async with self._engine.connect() as connection:
            return tuple(_LETTER.read(row.entry) for row in await connection.execute(query))

    async def claim(self, letter: Letter, *, now: datetime) -> Letter | None:
        """The letter, now this process's to send; None where another one was faster."""
        is_it = LETTER.c.id == letter.id
        claimed = LETTER.update().where(is_it & _is_free(now))
        values = {"state": _SENDING, "tries": LETTER.c.tries + 1, "tried_at": now}
        async with self._engine.begin() as connection:
            before = (await connection.execute(sa.select(LETTER.c.state).where(is_it))).scalar()
            if (await connection.execute(claimed.values(values))).rowcount != 1:
                return None
        return replace(letter, may_have_arrived=before == _SENDING)

    async def sent(self, letter: Letter) -> None:
        """It arrived."""
        await self._set(letter, _SENT)

    async def failed(self, letter: Letter, *, for_good: bool = False) -> bool:
        """It did not arrive; whether it is tried again next time: not for good, and not after MOST_TRIES."""
        tries = sa.select(LETTER.c.tries).where(LETTER.c.id == letter.id)
        async with self._engine.connect() as connection:
            is_over = for_good or ((await connection.execute(tries)).scalar() or 0) >= MOST_TRIES
        await self._set(letter, _GIVEN_UP if is_over else _WAITING)
        return not is_over

    async def _set(self, letter: Letter, state: str) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(LETTER.update().where(LETTER.c.id == letter.id).values(state=state))


async def _decide(connection: AsyncConnection, plan: str, target: str, decide: Decide, now: datetime) -> None:
    ours = (TOLD.c.plan == plan) & (TOLD.c.target == target)
    rows = await connection.execute(sa.select(TOLD.c.kind, TOLD.c.about).where(ours))
    decision = decide({Subject(kind=row.kind, about=row.about) for row in rows})
    for subject in decision.forgotten:
        is_it = (TOLD.c.kind == subject.kind) & (TOLD.c.about == subject.about)
        await connection.execute(TOLD.delete().where(ours & is_it))
    if new := _rows(plan, target, decision.told):
        await connection.execute(TOLD.insert(), new)
    if decision.letter:
        await connection.execute(LETTER.insert(), _row(decision.letter, now))
    is_old = (LETTER.c.state.in_((_SENT, _GIVEN_UP))) & (LETTER.c.written_at < now - KEPT_FOR)
    await connection.execute(LETTER.delete().where((LETTER.c.plan == plan) & is_old))


def _is_free(now: datetime) -> sa.ColumnElement[bool]:
    is_abandoned = (LETTER.c.state == _SENDING) & (LETTER.c.tried_at < now - CLAIMED_FOR)
    return (LETTER.c.state == _WAITING) | is_abandoned


def _rows(plan: str, target: str, subjects: Iterable[Subject]) -> list[dict[str, Any]]:
    return [{"plan": plan, "target": target, "kind": found.kind, "about": found.about} for found in subjects]


def _row(letter: Letter, now: datetime) -> dict[str, Any]:
    entry = _LETTER.write(letter)
    return {"id": letter.id, "plan": letter.plan, "written_at": now, "state": _WAITING, "tries": 0, "entry": entry}
