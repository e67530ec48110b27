"""What trends are drawn from: of a session no more than is drawn, kept beside the whole of it.

Lists of many cells read thousands. So they are small, and read without pydantic, which takes longer to be imported than
they take to be read.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from orchestrator.domain.cell import Cell
from orchestrator.domain.session import Session


def night_of(session: Session) -> str:
    """The night as it is kept: how many jobs were planned, which are missing, the context, whether, and what values."""
    context, values = dict(session.context), dict(session.values)
    return json.dumps([session.planned, session.missing, context, session.profiled, values])


def read_nights(
    nights: Sequence[str], sessions: Iterable[tuple[Cell, str, datetime]], metric: str
) -> Iterator[Session]:
    """The sessions, of these cells and runs, begun then, with the values of that metric and without what is not kept.

    An older version kept no night: its sessions are read whole. All texts are read as one, in half the time.
    """
    of_all = (_of_whole(kept) if isinstance(kept, dict) else kept for kept in json.loads(f"[{','.join(nights)}]"))
    for (cell, run_id, at), (planned, missing, context, profiled, values) in zip(sessions, of_all, strict=True):
        yield Session(
            cell=cell,
            run_id=run_id,
            at=at,
            planned=planned,
            missing=tuple(missing),
            context=context,
            profiled=profiled,
            values={metric: tuple(values[metric])} if metric in values else {},
        )


def _of_whole(session: dict[str, Any]) -> tuple[Any, ...]:
    empty = {"missing": [], "context": {}, "profiled": False, "values": {}}  # the oldest lack some of them
    return tuple({**empty, **session}[name] for name in ("planned", *empty))
