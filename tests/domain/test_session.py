"""Sessions made from the jobs of a cell."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.domain.cell import Cell
from orchestrator.domain.cell_sessions import sessions_of
from orchestrator.domain.job import Attempt, JobKey, JobResult
from orchestrator.domain.measurement import Layer, Measurement, Metric
from orchestrator.domain.outcome import Failed, FailureKind, Measured, Outcome, Skipped
from orchestrator.domain.session import Session, Trust

CELL = Cell(model="m", device="d")
NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
P50 = "latency_p50_ms"


def measured(value: float = 10.0, n: int | None = 50, **change: Any) -> Measured:
    metrics = {P50: Metric(value=value, unit="ms", n=n)}
    return Measured(measurement=Measurement(**({"metrics": metrics, "runtime": "ORT 1"} | change)))


def sessions(*outcomes: Outcome, repeats: int = 3, **change: Any) -> tuple[Session, ...]:
    jobs = [
        JobResult(
            key=JobKey(cell=CELL, repeat=repeat),
            outcome=outcome,
            attempts=(
                Attempt(
                    number=1,
                    started_at=NOW + timedelta(hours=repeat),
                    ended_at=NOW + timedelta(hours=repeat),
                    outcome=outcome,
                ),
            ),
        )
        for repeat, outcome in enumerate(outcomes, 1)
    ]
    fields = {"repeats": repeats, "run_id": "r", "at": NOW, "context": {"os": "14"}} | change
    return sessions_of(CELL, jobs, **fields)


def test_as_many_repeats_as_the_plan_says_are_a_session() -> None:
    first, second = sessions(*(measured(float(value)) for value in range(1, 7)))
    assert (first.number, first.jobs(P50), first.at) == (1, (1.0, 2.0, 3.0), NOW + timedelta(hours=1))
    assert (second.number, second.jobs(P50), second.at) == (2, (4.0, 5.0, 6.0), NOW + timedelta(hours=4))
    assert first.planned == second.planned == 3
    assert first.is_whole(P50)


@pytest.mark.parametrize(
    "outcome",
    [Failed(kind=FailureKind.MODEL_CRASH, reason="it crashed"), Skipped(reason="interrupted")],
)
def test_a_job_without_a_result_is_named(outcome: Outcome) -> None:
    (found,) = sessions(measured(), outcome, measured())
    assert not found.is_whole(P50)
    assert outcome.reason in found.missing[0]
    assert "#2" in found.missing[0]


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_what_cannot_be_is_no_value(value: float) -> None:
    (found,) = sessions(measured(), measured(value), measured())
    assert found.jobs(P50) == (10.0, 10.0)
    assert not found.is_whole(P50)


def test_a_session_that_was_cut_short_is_not_whole() -> None:
    (found,) = sessions(measured(), measured())
    assert (found.planned, found.is_whole(P50)) == (3, False)


def test_no_job_is_dropped_for_being_slow() -> None:
    (found,) = sessions(measured(10), measured(90), measured(10))
    assert found.jobs(P50) == (10, 90, 10)
    assert found.trust is Trust.NOISY


@pytest.mark.parametrize(("counts", "fewest"), [((50, 20, 30), 20), ((50, None, 50), 0)])
def test_iterations_are_those_of_the_shortest_job(counts: tuple[int | None, ...], fewest: int) -> None:
    (found,) = sessions(*(measured(n=count) for count in counts))
    assert found.iterations[P50] == fewest


def test_a_mixed_context_equals_only_itself() -> None:
    (same,) = sessions(measured(), measured(), measured())
    (mixed,) = sessions(measured(), measured(runtime="ORT 2"), measured())
    assert same.context == {"os": "14", "runtime": "ORT 1"}
    assert mixed.context == {"os": "14", "runtime": "ORT 1 / ORT 2"}
    (told,) = sessions(measured(conditions={"threads": "2", "steal_pct": "3"}), repeats=1)
    assert told.context == {"os": "14", "runtime": "ORT 1", "threads": "2"}


def test_one_profiled_job_makes_it_profiled() -> None:
    assert sessions(measured(), measured(profiled=True), measured())[0].profiled
    assert not sessions(measured())[0].profiled


def test_the_models_size_is_known_where_no_job_tells_it() -> None:
    (found,) = sessions(measured(), measured(), measured(), model_size_mb=4.2)
    assert found.jobs("model_size_mb") == (4.2, 4.2, 4.2)
    told = {"model_size_mb": Metric(value=4.0, unit="MB")}
    (found,) = sessions(measured(metrics=told), repeats=1, model_size_mb=4.2)
    assert found.jobs("model_size_mb") == (4.0,)
    (found,) = sessions(Skipped(reason=""), repeats=1, model_size_mb=4.2)
    assert found.jobs("model_size_mb") == ()


def test_it_knows_where_the_layers_ran() -> None:
    layers = tuple(
        Layer(index=index, name=name, type="Conv", time_us=time, compute_unit=unit)
        for index, (name, time, unit) in enumerate([("a", 30.0, "NPU"), ("b", 10.0, "CPU")])
    )
    (found,) = sessions(measured(layers=layers))
    assert found.units == {"a": "NPU", "b": "CPU"}
    assert found.unit_shares == {"NPU": 0.75, "CPU": 0.25}
