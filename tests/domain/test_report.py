"""What a cell's report says of its jobs, and what a report says of its run."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.cell import Cell
from orchestrator.domain.cell_report import NOISY_SPREAD, report_cell, report_cells
from orchestrator.domain.job import JobKey, JobResult
from orchestrator.domain.measurement import Layer, Measurement, Metric
from orchestrator.domain.outcome import Failed, FailureKind, Measured, Outcome, Skipped
from orchestrator.domain.report import GateResult, Report, RunVerdict
from orchestrator.domain.run import Run, RunState
from orchestrator.domain.session import Trust

CELL = Cell(model="m", device="d")
FAILED = Failed(kind=FailureKind.MODEL_CRASH, reason="it crashed")
SKIPPED = Skipped(reason="interrupted")


def measured(
    values: Mapping[str, float] | None = None, layers: tuple[Layer, ...] = (), noise: tuple[str, ...] = ()
) -> Measured:
    """An outcome with these metrics in milliseconds."""
    metrics = {name: Metric(value=value, unit="ms") for name, value in (values or {"latency_p50_ms": 10.0}).items()}
    return Measured(measurement=Measurement(metrics=metrics, layers=layers, noise=noise))


def jobs(*outcomes: Outcome, cell: Cell = CELL) -> list[JobResult]:
    """The repeats of a cell with these outcomes."""
    return [JobResult(key=JobKey(cell=cell, repeat=n), outcome=outcome) for n, outcome in enumerate(outcomes, 1)]


def layer(index: int, name: str, time_us: float, unit: str = "CPU") -> Layer:
    """A layer of a type that does not matter."""
    return Layer(index=index, name=name, type="Conv", time_us=time_us, compute_unit=unit)


def test_a_cell_is_summed_up_over_its_measured_jobs() -> None:
    report = report_cell(CELL, jobs(*(measured({"latency_p50_ms": value}) for value in (10.0, 10.4, 10.1))))
    assert (report.planned, report.measured, report.trust, report.reasons) == (3, 3, Trust.TRUSTED, ())
    summary = report.metric("latency_p50_ms")
    assert summary
    assert (summary.value, summary.n, summary.low, summary.high) == (10.1, 3, 10.0, 10.4)
    assert report.metrics["latency_p50_ms"].unit == "ms"


def test_a_metric_that_no_job_gives_is_missing_and_never_zero() -> None:
    report = report_cell(CELL, jobs(measured()))
    assert report.metric("latency_p90_ms") is None
    assert set(report.metrics) == {"latency_p50_ms"}


def test_a_metric_that_some_jobs_give_says_how_many() -> None:
    report = report_cell(CELL, jobs(measured({"latency_ms": 1, "load_ms": 5}), measured({"latency_ms": 1})))
    assert report.metrics["load_ms"].summary.n == 1
    assert report.metrics["latency_ms"].summary.n == 2


@pytest.mark.parametrize(
    ("outcomes", "trust", "reasons"),
    [
        ([measured(), FAILED, measured()], Trust.NOISY, ("2 of 3 jobs measured",)),
        ([FAILED, SKIPPED], Trust.INVALID, ("0 of 2 jobs measured",)),
        ([], Trust.INVALID, ()),
        (
            [measured({"latency_p50_ms": 10.0}), measured({"latency_p50_ms": 11.5})],
            Trust.NOISY,
            ("jobs differ by 14% of their median",),
        ),
        (
            [measured({"latency_ms": 10.0}), measured({"latency_ms": 15.0})],
            Trust.NOISY,
            ("jobs differ by 40% of their median",),
        ),
        (
            [measured(noise=("busy", "hot")), measured(noise=("busy",))],
            Trust.NOISY,
            ("busy (2 of 2 jobs)", "hot (1 of 2 jobs)"),
        ),
        ([measured({"latency_p50_ms": 10.0}), measured({"latency_p50_ms": 10.9})], Trust.TRUSTED, ()),
    ],
)
def test_every_doubt_is_named(outcomes: list[Outcome], trust: Trust, reasons: tuple[str, ...]) -> None:
    report = report_cell(CELL, jobs(*outcomes))
    assert (report.trust, report.reasons) == (trust, reasons)


def test_the_median_of_the_timed_iterations_is_judged_before_their_mean() -> None:
    outcomes = [measured({"latency_p50_ms": 10.0, "latency_ms": mean}) for mean in (10.0, 20.0)]
    assert report_cell(CELL, jobs(*outcomes)).trust is Trust.TRUSTED


def test_layers_are_those_of_the_first_job_that_has_any_with_medians_over_all() -> None:
    runs = [
        measured(),
        measured(layers=(layer(0, "conv", 10.0), layer(1, "pool", 30.0, "GPU"))),
        measured(layers=(layer(0, "conv", 20.0), layer(1, "pool", 50.0, "GPU"), layer(2, "more", 9.0))),
    ]
    report = report_cell(CELL, jobs(*runs))
    assert [(found.layer.name, found.time_us) for found in report.layers] == [("conv", 15.0), ("pool", 40.0)]
    assert [found.layer.time_us for found in report.layers] == [15.0, 40.0]
    assert [found.share for found in report.layers] == [pytest.approx(15 / 55), pytest.approx(40 / 55)]
    assert report.unit_shares == {"CPU": pytest.approx(15 / 55), "GPU": pytest.approx(40 / 55)}


def test_layers_of_no_time_have_no_share_and_unknown_units_are_called_so() -> None:
    report = report_cell(CELL, jobs(measured(layers=(layer(0, "a", 0.0, ""), layer(1, "b", 0.0)))))
    assert [found.share for found in report.layers] == [0.0, 0.0]
    assert report.unit_shares == {"unknown": 0.0, "CPU": 0.0}


times = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=6)


@given(runs=st.lists(times, min_size=1, max_size=4))
def test_shares_of_layers_and_of_units_sum_to_one(runs: list[list[float]]) -> None:
    units = ("CPU", "GPU", "NPU", "")
    outcomes = [
        measured(layers=tuple(layer(n, f"l{n}", time, units[n % 4]) for n, time in enumerate(run))) for run in runs
    ]
    report = report_cell(CELL, jobs(*outcomes))
    assert len(report.layers) == len(runs[0])
    assert sum(found.share for found in report.layers) == pytest.approx(1)
    assert sum(report.unit_shares.values()) == pytest.approx(1)


outcomes_of_jobs = st.lists(
    st.one_of(st.just(FAILED), st.just(SKIPPED), st.floats(1, 1e4).map(lambda value: measured({"latency_ms": value}))),
    max_size=6,
)


@given(outcomes=outcomes_of_jobs)
def test_trust_needs_every_job_and_little_spread(outcomes: list[Outcome]) -> None:
    report = report_cell(CELL, jobs(*outcomes))
    found = [outcome for outcome in outcomes if isinstance(outcome, Measured)]
    summary = report.metric("latency_ms")
    assert (report.planned, report.measured) == (len(outcomes), len(found))
    assert (report.trust is Trust.INVALID) is (not found)
    is_calm = summary is not None and len(found) == len(outcomes) and summary.spread <= NOISY_SPREAD
    assert (report.trust is Trust.TRUSTED) is is_calm
    assert bool(report.reasons) is (report.trust is Trust.NOISY or len(found) < len(outcomes))


def test_cells_are_reported_in_the_plans_order_with_those_that_have_no_jobs() -> None:
    others = [Cell(model=name, device="d") for name in ("z", "a", "none")]
    results = [*jobs(measured(), cell=others[1]), *jobs(FAILED, measured(), cell=others[0])]
    reports = report_cells(others, results)
    assert [(report.cell.model, report.measured, report.planned) for report in reports] == [
        ("z", 1, 2),
        ("a", 1, 1),
        ("none", 0, 0),
    ]


RUN = Run(
    id="20260131T020000Z-1a2b3c",
    plan="p",
    project="p",
    cloud="local",
    started_at=datetime(2026, 1, 31, 2, tzinfo=UTC),
    plan_sha256="0",
    tool_version="1",
    state=RunState.COMPLETED,
    exit_code=0,
)


def report(*outcomes: Outcome, run: Run = RUN, verdicts: tuple[str, ...] = ()) -> Report:
    """The report of one cell's run."""
    results = tuple(jobs(*outcomes))
    gates = tuple(
        GateResult(cell=CELL, metric="latency_ms", rule="", verdict=verdict, reason="") for verdict in verdicts
    )
    cells = report_cells([CELL], results)
    return Report(run=run, command="", plan_text="", models=(), devices=(), cells=cells, jobs=results, gates=gates)


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        (report(measured()), RunVerdict.MEASURED),
        (report(measured(), verdicts=("pass", "warn")), RunVerdict.PASSED),
        (report(measured(), verdicts=("pass", "fail", "inconclusive")), RunVerdict.FAILED),
        (report(measured(), verdicts=("inconclusive", "pass")), RunVerdict.UNDECIDED),
        (report(measured(), FAILED), RunVerdict.INCOMPLETE),
        (report(measured(), FAILED, verdicts=("inconclusive",)), RunVerdict.INCOMPLETE),
        (report(FAILED, SKIPPED), RunVerdict.NOTHING_MEASURED),
        (report(), RunVerdict.NOTHING_MEASURED),
        (report(verdicts=("pass",)), RunVerdict.NOTHING_MEASURED),
        (report(measured(), run=replace(RUN, exit_code=11)), RunVerdict.INCOMPLETE),
        (report(measured(), run=replace(RUN, state=RunState.INTERRUPTED)), RunVerdict.INTERRUPTED),
    ],
)
def test_nothing_is_good_without_evidence(made: Report, verdict: RunVerdict) -> None:
    assert made.verdict is verdict


def test_totals_count_jobs() -> None:
    counts = report(measured(), FAILED, SKIPPED, SKIPPED).counts
    assert counts == {"planned": 4, "measured": 1, "failed": 1, "skipped": 2}


def test_the_headline_is_the_latency_that_most_cells_have() -> None:
    assert report(measured({"latency_p50_ms": 1, "latency_ms": 1})).headline == "latency_p50_ms"
    assert report(measured({"latency_ms": 1})).headline == "latency_ms"
    assert report(FAILED).headline == "latency_p50_ms"


def test_jobs_are_found_by_their_cell() -> None:
    made = report(measured(), FAILED)
    assert made.jobs_by_cell == {CELL: made.jobs}
