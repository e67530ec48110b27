"""What `bench calibrate` found, in the terminal and for programs."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TextIO

from orchestrator.domain.calibrate import Calibration
from orchestrator.domain.cell import Cell
from orchestrator.presentation.terminal import add_row, open_console, plain, table
from orchestrator.presentation.text import MISSING, percent

Calibrations = Mapping[Cell, Calibration | None]


def print_calibrations(found: Calibrations, *, stream: TextIO) -> None:
    """A line a cell: its noise within jobs, between jobs and between sessions, and the tolerance it can hold."""
    console = open_console(stream)
    shown = table("Cell", "Within jobs:", "Between:", "Sessions:", "Sees:", "Beside:", "Tolerance:")
    for cell, calibration in found.items():
        add_row(shown, [str(cell), *_numbers(calibration)])
    console.print(shown)
    console.print(plain("Standard deviations within jobs, between jobs and between sessions; the smallest change that"))
    console.print(plain("one session could show against the past, and with the old model beside it; and the tightest"))
    console.print(plain("max_regression that the cell can hold."))
    if unsure := [cell for cell, calibration in found.items() if calibration and not calibration.is_sure]:
        console.print(plain(f"{len(unsure)} cells have fewer than 8 sessions: take their tolerances as a first guess"))


def calibrations_as_json(found: Calibrations) -> str:
    """One object a cell; `calibration` is null where too few sessions measured anything."""
    rows = [{**asdict(cell), "calibration": asdict(known) if known else None} for cell, known in found.items()]
    return json.dumps(rows, indent=1)


def _numbers(calibration: Calibration | None) -> list[str]:
    if calibration is None:
        return [MISSING] * 5 + ["too few sessions"]
    noise = (calibration.within_jobs, calibration.between_jobs, calibration.between_sessions)
    shares = (*noise, calibration.sensitivity, calibration.beside)
    told = [percent(share) if share is not None else MISSING for share in shares]
    return [*told, f"{calibration.tolerance:.0%}"]
