"""The arithmetic behind the page's sections."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.cell import Cell
from orchestrator.domain.cell_report import report_cell
from orchestrator.domain.device import Device, Platform
from orchestrator.domain.job import Attempt, JobKey, JobResult, StateChange
from orchestrator.domain.measurement import Layer, Measurement, Metric
from orchestrator.domain.outcome import Failed, FailureKind, Measured, Outcome
from orchestrator.domain.report import Report
from orchestrator.domain.run import Run
from orchestrator.presentation.page.cells import cells_table
from orchestrator.presentation.page.conditions import conditions
from orchestrator.presentation.page.failures import failures
from orchestrator.presentation.page.gates import MOST_ROWS, gates
from orchestrator.presentation.page.layers import layers
from orchestrator.presentation.page.matrix import matrices
from orchestrator.presentation.page.overview import contests, tiles, trust_strip
from orchestrator.presentation.page.scale import scale_of
from orchestrator.presentation.page.strips import model_strips
from orchestrator.presentation.page.timeline import timeline
from orchestrator.presentation.page.units import unit_bars

START = datetime(2026, 3, 4, tzinfo=UTC)
CRASH = Failed(kind=FailureKind.MODEL_CRASH, reason="signal 11")


def measured(p50_ms: float, layers: tuple[Layer, ...] = (), **more: object) -> Measured:
    return Measured(
        measurement=Measurement(
            metrics={
                "latency_p50_ms": Metric(value=p50_ms, unit="ms"),
                "peak_memory_mb": Metric(value=100 / p50_ms, unit="MB"),
            },
            layers=layers,
            **more,
        )
    )


def report_of(outcomes: dict[tuple[str, str], list[Outcome]], **more: object) -> Report:
    """A report of the outcomes of (model, device)."""
    jobs, cells = [], []
    for (model, device), found in outcomes.items():
        cell = Cell(model=model, device=device)
        own = [JobResult(key=JobKey(cell=cell, repeat=n), outcome=outcome) for n, outcome in enumerate(found, 1)]
        jobs += own
        cells.append(report_cell(cell, own))
    run = Run(id="r", plan="p", project="p", cloud="local", started_at=START, plan_sha256="", tool_version="1")
    devices = tuple(Device(name=name, platform=Platform.ANDROID) for name in dict.fromkeys(d for _, d in outcomes))
    values = {"command": "", "plan_text": "", "models": (), "devices": devices, **more}
    return Report(run=run, cells=tuple(cells), jobs=tuple(jobs), **values)


def test_the_matrix_colours_by_the_best_of_each_model() -> None:
    report = report_of(
        {
            ("a", "x"): [measured(10.0)],
            ("a", "y"): [measured(12.0)],
            ("a", "z"): [measured(30.0)],
            ("b", "x"): [measured(500.0)],
            ("b", "y"): [measured(100.0), measured(200.0)],
            ("b", "z"): [CRASH],
        }
    )
    (matrix,) = matrices(report)
    assert matrix.models == ("a", "b")
    assert {row.label: [(f.text, f.style) for f in row.fields] for row in matrix.rows} == {
        "y": [("12.0", "s0"), ("150 ?", "b q")],
        "x": [("10.0", "b"), ("500", "s2")],
        "z": [("30.0", "s2"), ("✕ model crash", "x")],
    }
    assert [row.label for row in matrix.rows] == ["y", "x", "z"]  # by the geometric mean of the ratios
    assert [(choice.group, choice.label) for choice in matrix.choices] == [
        ("absolute", "p50 ms"),
        ("absolute", "peak MB"),
        ("times the best of its model", "p50 ms"),
        ("times the best of its model", "peak MB"),
    ]
    assert matrix.choices[2].texts == ("1.20×", "1.00× ?", "1.00×", "3.33×", "3.00×", "✕ model crash")
    memory = dict(zip(matrix.choices[1].texts, matrix.choices[1].styles, strict=True))
    assert memory["10.0"] == "s2"
    assert memory["3.33"] == "b"
    assert memory["0.750 ?"] == "s2 q"


def test_a_cell_that_was_not_asked_for_is_empty_and_one_without_the_metric_is_missing() -> None:
    report = report_of(
        {
            ("a", "x"): [measured(10.0)],
            ("b", "y"): [Measured(measurement=Measurement(metrics={"load_ms": Metric(value=1.0, unit="ms")}))],
        }
    )
    (matrix,) = matrices(report)
    fields = {(row.label, model): f for row in matrix.rows for model, f in zip(matrix.models, row.fields, strict=True)}
    assert (fields["x", "b"].text, fields["x", "b"].style) == ("", "n")
    assert (fields["y", "b"].text, fields["y", "b"].style) == ("–", "n")


def test_many_devices_are_grouped_by_processor_first(make_report) -> None:
    groups, devices = matrices(make_report(2, 60, layers=0, failing=0))
    assert (len(groups.rows), len(devices.rows)) == (8, 60)
    assert not groups.folded
    assert devices.folded
    assert {row.detail for row in groups.rows} == {"8 devices", "7 devices"}


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=8))
def test_a_scale_keeps_all_values_inside_and_in_order(values: list[float]) -> None:
    scale = scale_of(values)
    places = [scale.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 <= place <= 1 for place in places)
    assert all(0 <= float(tick.at) <= 100 for tick in scale.ticks)
    assert len(scale.ticks) <= 6


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1.0, 100.0], ["1", "10", "100"]),
        ([2.0, 9.0], ["2", "5"]),
        ([10.0, 14.0], ["10", "11", "12", "13", "14"]),
        ([900.0, 1900.0], ["1,000", "1,500"]),
    ],
)
def test_ticks_are_round(values: list[float], labels: list[str]) -> None:
    assert [tick.label for tick in scale_of(values).ticks] == labels


def test_strips_draw_each_job_the_median_and_the_range() -> None:
    report = report_of(
        {("a", "x"): [measured(10.0), measured(20.0), measured(12.0)], ("a", "y"): [measured(30.0), CRASH]}
    )
    (strips,) = model_strips(report)
    assert not strips.is_log
    x, y = strips.rows
    assert (x.label, x.value, x.interval, x.spread, x.ratio, x.jobs) == (
        "x",
        "12.0",
        "10.0–20.0",
        "83%",
        "1.00×",
        "3/3",
    )
    assert x.dots == "M20 9h0M500 9h0M116 9h0"  # 2% margin, then 10, 20 and 12 of 10 to 30
    assert x.median == "M116 2v14"
    assert x.range == "M20 9h480"
    assert (y.interval, y.spread, y.ratio, y.jobs, y.trust) == ("one job", "–", "2.50×", "1/2", "noisy")
    assert y.reasons == "1 of 2 jobs measured"


def layer(index: int, time_us: float, unit: str) -> Layer:
    return Layer(index=index, name=f"l{index}", type="CONV", time_us=time_us, compute_unit=unit)


def test_layers_are_listed_longest_first_and_drawn_in_order() -> None:
    found = tuple(layer(index, 100.0 * (index + 1), "NPU" if index else "CPU") for index in range(10))
    (profile,) = layers(report_of({("a", "x"): [measured(10.0, found)]})).profiles
    assert profile.total == "5.50"
    assert [row.name for row in profile.rows] == [*(f"l{index}" for index in range(9, 1, -1)), "2 other layers"]
    assert profile.rows[0].share == "18%"
    assert profile.rows[0].bar == "100.00"
    assert profile.rows[-1].time == "0.300"
    assert profile.unit_words == "NPU 98%, CPU 1.8%"
    cpu = next(pieces for pieces in profile.pieces if pieces.style == "cpu")
    assert cpu.path == "M0 10h16"


def test_unit_bars_fill_the_width_and_need_a_known_unit() -> None:
    bars = unit_bars({"CPU": 0.25, "NPU": 0.5, "DSP": 0.25})
    assert [(bar.style, bar.path) for bar in bars] == [
        ("npu", "M0 6h500"),
        ("cpu", "M500 6h250"),
        ("other", "M750 6h250"),
    ]
    assert unit_bars({"unknown": 1.0}) == ()


def test_of_many_cells_with_layers_the_ends_are_shown_and_the_rest_named(make_report) -> None:
    found = layers(make_report(3, 20, failing=0))
    assert len(found.profiles) == 6
    assert found.left_out == "The layers of 54 more cells are in results.json."


def attempt(number: int, begin_s: float, states: list[tuple[str, float]], end_s: float, outcome: Outcome) -> Attempt:
    return Attempt(
        number=number,
        started_at=START + timedelta(seconds=begin_s),
        ended_at=START + timedelta(seconds=end_s),
        outcome=outcome,
        changes=tuple(StateChange(state=state, at=START + timedelta(seconds=at)) for state, at in states),
        files=("artifacts/log.txt",),
    )


def test_the_timeline_splits_each_attempt_into_phases() -> None:
    report = report_of({("a", "x"): [measured(10.0)]})
    states = [
        ("reserved", 0.0),
        ("submitted", 10.0),
        ("PENDING_DEVICE", 15.0),
        ("RUNNING", 40.0),
        ("NEW", 60.0),
        ("STOPPING", 80.0),
    ]
    tried = attempt(1, 0, states, 100, measured(10.0))
    report = replace(report, jobs=(replace(report.jobs[0], attempts=(tried,)),))
    (row,) = timeline(report).rows
    assert {lane.phase: lane.path for lane in row.lanes} == {
        "prepare": "M0 8h100",
        "wait": "M100 15h50M150 15h250",
        "run": "M400 8h200M600 8h200",
        "finish": "M800 8h200",
    }
    assert [time.replace("\u00a0", " ") for time in row.times] == ["30.0 s", "10.0 s", "40.0 s", "20.0 s"]
    assert row.attempts == "1"


def test_no_history_no_timeline() -> None:
    assert timeline(report_of({("a", "x"): [CRASH]})).rows == ()


def test_failures_are_grouped_by_cause_most_frequent_first() -> None:
    gone = Failed(kind=FailureKind.DEVICE, reason="gone")
    report = report_of({("a", "x"): [gone, CRASH], ("a", "y"): [CRASH, measured(1.0)]})
    first, second = attempt(1, 0, [], 1, gone), attempt(2, 2, [], 3, measured(1.0))
    jobs = (*report.jobs[:3], replace(report.jobs[3], attempts=(first, second)))
    found = failures(replace(report, jobs=jobs))
    assert [(g.kind, g.jobs, g.note) for g in found.groups] == [
        ("model crash", "2 jobs", "the model's own: not tried again"),
        ("device", "1 job", "infrastructure: tried again"),
    ]
    assert found.groups[0].cells == ("a on x", "a on y")
    assert found.recovered == "1 job needed 1 more attempt and then delivered."


def test_contests_name_both_ends() -> None:
    report = report_of({("a", "x"): [measured(20.0)], ("a", "y"): [measured(5.0)], ("b", "x"): [measured(1.0)]})
    a, b = contests(report)
    assert (a.fastest.place, a.slowest.place, a.ratio, a.bar) == ("y", "x", "4.00×", "100.00")
    assert (b.ratio, b.fastest.value) == ("", "1.00")
    assert not a.is_clear  # one job each is no evidence


def test_tiles_and_strip_count_jobs_and_cells() -> None:
    report = report_of({("a", "x"): [measured(1.0), CRASH], ("a", "y"): [CRASH], ("b", "x"): [measured(2.0)]})
    assert [tile.value for tile in tiles(report)] == ["2 × 2", "2", "✓ 1", "? 1", "✕ 2", "–"]
    assert [(share.x, share.width) for share in trust_strip(report)] == [
        ("0.00", "33.33"),
        ("33.33", "33.33"),
        ("66.67", "33.33"),
    ]


def test_the_table_of_cells_leaves_out_what_says_nothing() -> None:
    report = report_of({("a", "x"): [measured(1.0)], ("a", "y"): [CRASH]})
    found = cells_table(report)
    assert [column.label for column in found.columns] == [
        "Trust", "Model", "Device", "p50 ms", "range", "spread", "peak MB", "jobs", "Why",
    ]  # fmt: skip
    assert found.rows[0][:4] == ("✕ invalid", "a", "y", "–")
    assert found.rows[0][-1] == "model crash; 0 of 1 jobs measured"
    assert found.rows[1][0] == "✓ trusted"
    assert found.rest == ()


def test_conditions_collect_what_jobs_ran_under() -> None:
    outcomes = [
        measured(1.0, runtime="ORT", conditions={"threads": "1", "delay": str(n)}, noise=("busy",)) for n in range(6)
    ]
    report = report_of({("a", "x"): [*outcomes]})
    (row,) = conditions(report).devices
    assert row.runtimes == "ORT"
    assert row.conditions == ("threads 1", "delay 0 to 5")
    assert row.noise == ("busy",)
    assert conditions(report).definitions[0].meaning == "median of the timed iterations"


def test_many_gates_are_cut_after_what_did_not_pass(make_report) -> None:
    report = make_report(10, 40, layers=0, repeats=1, gates=True)
    found = gates(report)
    assert len(found.rows) == MOST_ROWS < len(report.gates)
    assert found.rows[0].verdict == "fail"
    assert found.left_out == "200 more verdicts (warn, pass) in gates.csv."
