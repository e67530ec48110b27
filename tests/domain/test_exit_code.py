"""A run's exit code: the first of a failed gate, an unusable cloud, missing results, an open gate."""

import pytest

from orchestrator.domain.cell import Cell
from orchestrator.domain.exit_code import exit_code
from orchestrator.domain.job import JobKey, JobResult
from orchestrator.domain.measurement import Measurement
from orchestrator.domain.outcome import Failed, FailureKind, Measured, Outcome, Skipped
from orchestrator.domain.report import GateResult

CELL = Cell(model="m", device="d")
MEASURED = Measured(measurement=Measurement(metrics={}))


def failed(kind: FailureKind) -> Failed:
    return Failed(kind=kind, reason="r")


@pytest.mark.parametrize(
    ("outcomes", "verdicts", "code"),
    [
        ([MEASURED], [], 0),
        ([MEASURED], ["pass", "warn"], 0),
        ([], [], 11),
        ([MEASURED, failed(FailureKind.DEVICE)], [], 11),
        ([Skipped(reason="r")], [], 11),
        ([MEASURED, failed(FailureKind.CLOUD)], [], 11),
        ([failed(FailureKind.CLOUD), failed(FailureKind.UPLOAD), failed(FailureKind.QUOTA)], [], 4),
        ([failed(FailureKind.MODEL_CRASH)], [], 11),
        ([MEASURED], ["inconclusive", "pass"], 12),
        ([failed(FailureKind.DEVICE)], ["inconclusive"], 11),
        ([failed(FailureKind.CLOUD)], ["fail"], 10),
        ([MEASURED], ["fail", "inconclusive"], 10),
    ],
)
def test_the_first_of_the_documented_order(outcomes: list[Outcome], verdicts: list[str], code: int) -> None:
    jobs = [JobResult(key=JobKey(cell=CELL, repeat=n), outcome=outcome) for n, outcome in enumerate(outcomes, 1)]
    gates = [GateResult(cell=CELL, metric="latency_ms", rule="r", verdict=verdict, reason="") for verdict in verdicts]
    assert exit_code(jobs, gates) == code
