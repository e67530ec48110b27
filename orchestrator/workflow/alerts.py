"""What the end of a run opens, closes and begins anew: alerts and improvements, kept where later runs find them."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from orchestrator.domain.alert import Alert, resolve, woken
from orchestrator.domain.cell import Cell
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.gate import terms_of
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.nights import MOST_NIGHTS
from orchestrator.domain.watch import Watched, watch
from orchestrator.history.alerts import Move
from orchestrator.history.baselines import Baselines, SessionsByCell
from orchestrator.workflow.evidence import asked_for


async def keep_alerts(
    entry: RunEntry, evidence: Mapping[Cell, Evidence], baselines: Baselines, *, seen: int, now: datetime
) -> tuple[Alert, ...]:
    """Keeps what the run shows, judged by the same evidence as its gates.

    The alerts of its cells, oldest first: those that are not over, and those that this run resolved.
    """
    past = await baselines.since_anew(asked_for(entry, seen), entry.cells, limit=MOST_NIGHTS)
    found = await asyncio.to_thread(_watched, entry, evidence, past, now)
    onsets = {alert_id: at for watched in found.values() for alert_id, at in watched.onsets.items()}
    opened = [replace(alert, onset=onsets.get(alert.id)) for watched in found.values() for alert in watched.opened]
    anew = {cell: watched.anew for cell, watched in found.items() if watched.anew is not None}
    moves = _moves(found.values(), onsets, entry.run.id, now)
    await baselines.alerts.keep(entry.plan.project, opened=opened, moves=moves, anew=anew)
    there = await baselines.alerts.all(entry.plan.project, entry.cells)
    return tuple(woken(alert, now) for alert in there if not alert.state.is_over or alert.closed_by == entry.run.id)


def _watched(
    entry: RunEntry, evidence: Mapping[Cell, Evidence], past: SessionsByCell, now: datetime
) -> Mapping[Cell, Watched]:
    plan, run_id = entry.plan, entry.run.id
    terms = terms_of(plan, entry.cells)
    return {cell: watch(plan, terms, cell, evidence[cell], past[cell], run_id=run_id, now=now) for cell in entry.cells}


def _moves(found: Iterable[Watched], onsets: Mapping[str, datetime], run_id: str, now: datetime) -> dict[str, Move]:
    moves: dict[str, Move] = {alert_id: partial(replace, onset=at) for alert_id, at in onsets.items()}
    for ending in (ending for watched in found for ending in watched.ended):
        moves[ending.alert.id] = partial(
            resolve, back_since=ending.back_since, run_id=run_id, because=ending.because, now=now
        )
    return moves
