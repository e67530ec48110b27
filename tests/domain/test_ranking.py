"""Cells of a model in order of a metric, and what a run amounts to."""

from datetime import UTC, datetime

import pytest

from orchestrator.domain.cell import Cell
from orchestrator.domain.cell_report import report_cell
from orchestrator.domain.job import JobKey, JobResult
from orchestrator.domain.measurement import Measurement, Metric
from orchestrator.domain.outcome import Failed, FailureKind, Measured, Outcome
from orchestrator.domain.ranking import rank
from orchestrator.domain.report import CellReport, GateResult, Report, RunVerdict
from orchestrator.domain.run import Run, RunState

LOST = Failed(kind=FailureKind.CLOUD, reason="x")


def measured(**values: float) -> Measured:
    metrics = {name: Metric(value=value, unit="") for name, value in values.items()}
    return Measured(measurement=Measurement(metrics=metrics))


def cell_of(model: str, device: str, *outcomes: Outcome) -> CellReport:
    cell = Cell(model=model, device=device)
    jobs = [JobResult(key=JobKey(cell=cell, repeat=n), outcome=outcome) for n, outcome in enumerate(outcomes, 1)]
    return report_cell(cell, jobs)


def test_the_best_comes_first_and_ratios_are_to_it() -> None:
    cells = [
        cell_of("b", "x", LOST),
        cell_of("a", "x", measured(latency_ms=30)),
        cell_of("a", "y", measured(latency_ms=10), measured(latency_ms=20)),
        cell_of("b", "y", measured(latency_ms=1)),
    ]
    b, a = rank(cells, "latency_ms")
    assert [(ranked.cell.cell.device, ranked.summary.value, ranked.ratio) for ranked in a.ranked] == [
        ("y", 15, 1),
        ("x", 30, 2),
    ]
    assert (a.model, b.model) == ("a", "b")
    assert b.best is b.worst


def test_where_more_is_better_the_most_is_best() -> None:
    cells = [cell_of("a", "x", measured(throughput_per_s=10)), cell_of("a", "y", measured(throughput_per_s=40))]
    (ranking,) = rank(cells, "throughput_per_s")
    assert ranking.best.cell.cell.device == "y"
    assert ranking.worst.ratio == 4


def test_a_best_of_zero_has_no_ratio() -> None:
    cells = [cell_of("a", "x", measured(load_ms=0)), cell_of("a", "y", measured(load_ms=5))]
    assert [ranked.ratio for ranked in rank(cells, "load_ms")[0].ranked] == [1, 1]


def test_a_metric_nobody_has_ranks_nothing() -> None:
    assert rank([cell_of("a", "x", LOST)], "latency_ms") == ()


def report(
    *outcomes: Outcome, gates: tuple[str, ...] = (), state: RunState = RunState.COMPLETED, code: int = 0
) -> Report:
    cell = Cell(model="m", device="d")
    jobs = tuple(JobResult(key=JobKey(cell=cell, repeat=n), outcome=outcome) for n, outcome in enumerate(outcomes, 1))
    return Report(
        run=Run(
            id="r",
            plan="p",
            project="p",
            cloud="local",
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            plan_sha256="",
            tool_version="",
            state=state,
            exit_code=code,
        ),
        command="",
        plan_text="",
        models=(),
        devices=(),
        cells=(report_cell(cell, jobs),),
        jobs=jobs,
        gates=tuple(GateResult(cell=cell, metric="", rule="", verdict=verdict, reason="") for verdict in gates),
    )


OK = measured(latency_ms=1)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (report(OK), RunVerdict.MEASURED),
        (report(OK, gates=("pass", "warn")), RunVerdict.PASSED),
        (report(OK, gates=("pass", "fail", "inconclusive"), code=10), RunVerdict.FAILED),
        (report(OK, gates=("pass", "inconclusive"), code=12), RunVerdict.UNDECIDED),
        (report(OK, LOST, gates=("pass", "inconclusive"), code=11), RunVerdict.INCOMPLETE),
        (report(OK, LOST, gates=("fail",), code=10), RunVerdict.FAILED),
        (report(LOST), RunVerdict.NOTHING_MEASURED),
        (report(), RunVerdict.NOTHING_MEASURED),
        (report(OK, code=4), RunVerdict.INCOMPLETE),
        (report(OK, LOST, state=RunState.INTERRUPTED), RunVerdict.INTERRUPTED),
    ],
)
def test_nothing_is_good_without_evidence(found: Report, verdict: RunVerdict) -> None:
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("outcomes", "headline"),
    [
        ([measured(latency_ms=1, latency_p50_ms=1)], "latency_p50_ms"),
        ([measured(latency_ms=1)], "latency_ms"),
        ([LOST], "latency_p50_ms"),
    ],
)
def test_cells_are_compared_by_the_median_where_there_is_one(outcomes: list[Outcome], headline: str) -> None:
    assert report(*outcomes).headline == headline
