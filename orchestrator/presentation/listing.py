"""Lists for programs: what `--json` of the reading commands prints."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from orchestrator.domain.cell import Cell
from orchestrator.domain.conversion import ConvertedModel
from orchestrator.domain.device import Device
from orchestrator.domain.model import Model
from orchestrator.domain.plan import Plan
from orchestrator.domain.run import Run


def runs_as_json(runs: Iterable[Run], done: Mapping[str, tuple[int, int]]) -> str:
    """One object a run, newest first; with `jobs_done` and `jobs` those that have not ended."""
    kind = TypeAdapter(Run)
    return _text([kind.dump_python(run, mode="json") | _progress(done.get(run.id)) for run in runs])


def _progress(done: tuple[int, int] | None) -> dict[str, int]:
    return {"jobs_done": done[0], "jobs": done[1]} if done else {}


def devices_as_json(devices: Iterable[Device]) -> str:
    """One object a device."""
    return _text([asdict(device) for device in devices])


def check_as_json(
    plan: Plan,
    models: Iterable[Model],
    cells: Iterable[Cell],
    devices: Iterable[Device],
    notices: Iterable[str],
    converted: Iterable[ConvertedModel],
) -> str:
    """What a plan asks for: its models as they were found, its devices, its cells and the number of jobs.

    `conversions` are the models that some devices get in another format, and how alike they are.
    """
    cells, kind, conversion = list(cells), TypeAdapter(Model), TypeAdapter(ConvertedModel)
    return _text(
        {
            "plan": plan.name,
            "project": plan.project,
            "cloud": plan.cloud,
            "repeats": plan.repeats,
            "jobs": len(cells) * plan.repeats,
            "models": [kind.dump_python(model, mode="json") for model in models],
            "devices": [asdict(device) for device in devices],
            "cells": [asdict(cell) for cell in cells],
            "notices": list(notices),
            "conversions": [conversion.dump_python(one, mode="json") for one in converted],
        }
    )


def _text(value: Any) -> str:
    return json.dumps(value, indent=1)  # in ASCII: a name cannot steer the terminal
