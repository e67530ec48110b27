"""What a run needs before it begins so that old models can stand beside new ones: its own kept, the old ones found."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from orchestrator.domain.cell import Cell
from orchestrator.domain.gate import compared_cells
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.old_model import OldModel
from orchestrator.domain.plan import Plan
from orchestrator.domain.run import RunState, new_run_id
from orchestrator.domain.threshold_rule import is_comparison
from orchestrator.errors import NotStored
from orchestrator.history.asked import Asked
from orchestrator.history.baselines import SessionsByCell
from orchestrator.history.journal import Journal
from orchestrator.workflow.evidence import asked_for, pinned_sessions
from orchestrator.workflow.kept_models import KeptModels

LOOKED_BACK = 10  # accepted sessions, of which some may have measured nothing


async def with_old_models(entry: RunEntry, journal: Journal, kept: KeptModels) -> RunEntry:
    """The run with the old models of the cells that its gates compare; its own are kept for the runs to come.

    Raises StoreError where the store cannot be used. A model that is not in it is one that cannot be run again.
    """
    for model in entry.files:
        await kept.keep(model)
    earlier = [(await journal.find(run_id), cells) for run_id, cells in (await _earlier_runs(entry, journal)).items()]
    controls = [
        await _found(old, entry, kept)
        for run, cells in earlier
        if run is not None  # of a run that was elsewhere only the sessions are known
        for old in _old_models(run, cells, entry)
    ]
    return replace(entry, controls=tuple(controls))


def needs_old_models(plan: Plan) -> bool:
    """Whether the plan's gates may ask for the old model beside the new one."""
    return plan.baseline.control != "never" and any(is_comparison(rule) for rule in plan.gates)


async def _earlier_runs(entry: RunEntry, journal: Journal) -> Mapping[str, list[Cell]]:
    """The run whose model each compared cell is to be compared with: the pinned one, else the last accepted one."""
    cells = compared_cells(entry.plan, entry.cells)
    pinned = await pinned_sessions(entry.plan, journal.baselines)
    accepted = await _last_accepted(journal, asked_for(entry), cells)
    found: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if sessions := pinned.get(cell) or accepted[cell]:
            found[sessions[0].run_id].append(cell)
    return found


async def _last_accepted(journal: Journal, asked: Asked, cells: Collection[Cell]) -> SessionsByCell:
    """The newest accepted session of each cell that measured anything, if there is one."""
    accepted = await journal.baselines.rolling(asked, cells, limit=LOOKED_BACK)
    return {cell: tuple(found for found in accepted[cell] if found.values)[-1:] for cell in cells}


async def needed_models(journal: Journal, now: datetime) -> set[str]:
    """The sha256 of all models that a run may still ask for: of unfinished and of named runs, and the last accepted."""
    runs = {run.id for run in await journal.runs() if run.state is not RunState.COMPLETED}
    runs |= set((await journal.baselines.names()).values())
    for project, cells in (await journal.baselines.cells()).items():
        last = await _last_accepted(journal, Asked(project=project, run_id=new_run_id(now), at=now), cells)
        runs |= {session.run_id for sessions in last.values() for session in sessions}
    entries = [await journal.find(run_id) for run_id in sorted(runs)]  # None for those that were elsewhere
    here = [entry for entry in entries if entry is not None]
    models = [model for entry in here for model in (*entry.files, *(old.model for old in entry.controls))]
    return {model.sha256 for model in models}


def _old_models(earlier: RunEntry, cells: Iterable[Cell], now: RunEntry) -> Iterable[OldModel]:
    """One for each file then and now: not every device gets the same one."""
    by_file: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        by_file[cell.model, earlier.model_in(cell).sha256, now.model_in(cell).sha256].append(cell)
    for of_file in by_file.values():
        model, converted = earlier.model_in(of_file[0]), earlier.converted_for(of_file[0])
        yield OldModel(cells=tuple(of_file), run_id=earlier.run.id, model=model, converted=converted)


async def _found(old: OldModel, entry: RunEntry, kept: KeptModels) -> OldModel:
    """The old model with its files here; the very file that is measured now needs no other."""
    new = entry.model_in(old.cells[0])
    if new.sha256 == old.model.sha256:
        return replace(old, model=new, is_same=True)
    try:
        return replace(old, model=await kept.here(old.model))
    except NotStored as error:
        return replace(old, unusable=str(error))


async def beside_itself(entry: RunEntry, kept: KeptModels, *, sessions: int) -> RunEntry:
    """A calibration: a run that measures each of its models beside itself, in so many sessions.

    The models are kept, being somebody's old models from now on.
    """
    for model in entry.files:
        await kept.keep(model)
    policy = replace(entry.plan.baseline, control="always")
    return replace(
        entry,
        plan=replace(entry.plan, baseline=policy),
        controls=tuple(replace(old, is_same=True) for old in _old_models(entry, entry.cells, entry)),
        calibration=sessions,
    )
