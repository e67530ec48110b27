"""What trends are drawn from: of a session no more than is drawn, kept beside the whole of it.

Lists of many cells read thousands. So they are small, and read without pydantic, which takes longer to be imported than
they take to be read.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from orchestrator.domain.session import Session


def night_of(session: Session) -> str:
    """The night as it is kept: the jobs planned and those missing, the context, whether a profiler ran, the values."""
    context, values = dict(session.context), dict(session.values)
    return json.dumps([session.planned, session.missing, context, session.profiled, values])


def read_nights(nights: Sequence[str], metric: str) -> Iterator[dict[str, Any]]:
    """What each night tells of its session, by the session's fields; of its values those of that metric.

    An older version kept no night: its sessions are read whole. All texts are read as one, in half the time.
    """
    for kept in json.loads(f"[{','.join(nights)}]"):
        planned, missing, context, profiled, values = _of_whole(kept) if isinstance(kept, dict) else kept
        yield {
            "planned": planned,
            "missing": tuple(missing),
            "context": context,
            "profiled": profiled,
            "values": {metric: tuple(values[metric])} if metric in values else {},
        }


def _of_whole(session: dict[str, Any]) -> tuple[Any, ...]:
    empty = {"missing": [], "context": {}, "profiled": False, "values": {}}  # the oldest lack some of them
    return tuple({**empty, **session}[name] for name in ("planned", *empty))
