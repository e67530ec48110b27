"""A run in a word and a sentence."""

from dataclasses import replace

import pytest

from orchestrator.domain.cell_report import report_cell
from orchestrator.domain.outcome import Measured
from orchestrator.domain.report import Report
from orchestrator.domain.session import Trust
from orchestrator.presentation.verdict import answer, evidence, verdict_of


def with_latencies(report: Report, values: dict[tuple[str, str], list[float]]) -> Report:
    """The report with other medians for the jobs of (model, device), in milliseconds."""
    jobs = []
    for job in report.jobs:
        measurement = job.outcome.measurement
        value = values[job.key.cell.model, job.key.cell.device][job.key.repeat - 1]
        metrics = {"latency_p50_ms": replace(measurement.metrics["latency_p50_ms"], value=value)}
        jobs.append(replace(job, outcome=Measured(measurement=replace(measurement, metrics=metrics))))
    cells = tuple(report_cell(c.cell, [job for job in jobs if job.key.cell == c.cell]) for c in report.cells)
    return replace(report, jobs=tuple(jobs), cells=cells)


A, B = "mobilenet_v3_large", "efficientnet_lite0"
S24, PIXEL = "Samsung Galaxy S24", "Pixel 9 Pro"


@pytest.mark.parametrize(
    ("s24", "pixel", "said"),
    [
        ([10.0, 11.0], [20.0, 21.0], f"{A} takes 10.5 ms on {S24} (10.0–11.0 over 2 jobs), clearly the fastest of "
                                     "2 places; the slowest takes 1.95× as long."),
        ([10.0, 20.0], [19.0, 30.0], f"{A} takes 15.0 ms on {S24} (10.0–20.0 over 2 jobs), not clearly faster than "
                                     "the next of 2 places."),
    ],
)  # fmt: skip
def test_a_device_is_fastest_only_where_the_ranges_are_apart(make_report, s24: list, pixel: list, said: str) -> None:
    report = with_latencies(make_report(1, 2, repeats=2, failing=0), {(A, S24): s24, (A, PIXEL): pixel})
    assert answer(report).replace("\u00a0", " ") == said


def test_of_several_models_clear_wins_count(make_report) -> None:
    report = make_report(2, 2, repeats=2, failing=0)
    clear = {(A, S24): [1.0, 2.0], (A, PIXEL): [3.1, 4.0], (B, S24): [1.0, 5.0], (B, PIXEL): [4.0, 6.0]}
    assert answer(with_latencies(report, clear)) == f"{S24} is clearly the fastest device for 1 of 2 models."
    close = {key: [1.0, 2.0] for key in clear}
    assert answer(with_latencies(report, close)).startswith("No device is clearly the fastest for any of 2 models")


def test_ranges_that_hardly_miss_each_other_call_nobody_fastest_where_cells_are_noisy(make_report) -> None:
    near = {(A, S24): [10.0, 10.3], (A, PIXEL): [10.31, 10.5]}
    report = with_latencies(make_report(1, 2, repeats=2, failing=0), near)
    for trust, is_clear in ((Trust.TRUSTED, True), (Trust.NOISY, False)):
        cells = tuple(replace(cell, trust=trust) for cell in report.cells)
        assert ("not clearly" not in answer(replace(report, cells=cells))) is is_clear


def test_where_each_model_ran_in_one_place_no_device_is_called_fastest(make_report) -> None:
    two = with_latencies(make_report(2, 1, repeats=1, failing=0), {(A, S24): [10.0], (B, S24): [20.0]})
    assert answer(two).replace("\u00a0", " ") == f"{A} takes 10.0 ms on {S24}. {B} takes 20.0 ms on {S24}."
    four = make_report(4, 1, repeats=1, failing=0)
    found = with_latencies(four, {(cell.cell.model, S24): [10.0 + n] for n, cell in enumerate(four.cells)})
    assert answer(found).replace("\u00a0", " ") == "4 models take 10.0 ms to 13.0 ms, each in one place alone."


def test_evidence_counts_jobs_and_trusted_cells(make_report) -> None:
    report = make_report(1, 1, repeats=3, failing=0, layers=0)
    assert evidence(report) == "3 of 3 jobs measured; 1 of 1 cell trusted."
    assert verdict_of(report).word == "MEASURED"
