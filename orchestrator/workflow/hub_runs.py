"""Runs on the hub: made, whatever becomes of the answer."""

from contextlib import suppress
from datetime import datetime
from functools import partial

from orchestrator.errors import AnswerLost
from orchestrator.workflow.context import Context

RUN_TRIES = 3


async def new_hub_run(context: Context, kind: str, *, name: str, started_at: datetime, parent: str = "") -> str:
    """A new run of that kind; its id. A lost answer may leave one behind that is never tagged; only tagged ones count.

    Raises CloudError.
    """
    create = partial(
        context.cloud.hub.create_run,
        context.project_id,
        kind=kind,
        name=name,
        started_at=started_at,
        parent_run_id=parent or None,
    )
    for _ in range(RUN_TRIES - 1):
        with suppress(AnswerLost):
            return await create()
    return await create()
