"""Two runs side by side: intervals, standings, layers, and what is on one side only."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.cell import Cell
from orchestrator.domain.cell_report import report_cell
from orchestrator.domain.compare import Renaming, compare
from orchestrator.domain.comparison import Standing
from orchestrator.domain.device import Device, Platform
from orchestrator.domain.job import JobKey, JobResult
from orchestrator.domain.layer_match import LayerFate, compare_layers
from orchestrator.domain.measurement import Layer, Measurement, Metric
from orchestrator.domain.outcome import Failed, FailureKind, Measured, Outcome
from orchestrator.domain.ratio_interval import ratio_interval
from orchestrator.domain.report import Report
from orchestrator.domain.run import Run

CRASH = Failed(kind=FailureKind.MODEL_CRASH, reason="signal 11")


def measured(p50_ms: float, runtime: str = "", **more: float) -> Measured:
    metrics = {"latency_p50_ms": p50_ms, **more}
    found = {name: Metric(value=value, unit="ms") for name, value in metrics.items()}
    return Measured(measurement=Measurement(metrics=found, runtime=runtime))


def run_of(outcomes: dict[tuple[str, str], list[Outcome]], run_id: str = "run", os: str = "14") -> Report:
    """A report of the outcomes of (model, device)."""
    jobs, cells = [], []
    for (model, device), found in outcomes.items():
        cell = Cell(model=model, device=device)
        own = [JobResult(key=JobKey(cell=cell, repeat=n), outcome=outcome) for n, outcome in enumerate(found, 1)]
        jobs += own
        cells.append(report_cell(cell, own))
    start = datetime(2026, 3, 4, tzinfo=UTC)
    run = Run(id=run_id, plan="p", project="p", cloud="local", started_at=start, plan_sha256="", tool_version="1")
    devices = tuple(
        Device(name=name, platform=Platform.ANDROID, os=os) for name in dict.fromkeys(d for _, d in outcomes)
    )
    return Report(run=run, command="", plan_text="", models=(), devices=devices, cells=tuple(cells), jobs=tuple(jobs))


@pytest.mark.parametrize(
    ("jobs", "confidence", "kept"),
    [  # 1 - 2 P(U <= cut) by counting all rankings; the tables of Hollander, Wolfe and Chicken agree
        (1, 0.0, 1),
        (2, 2 / 3, 4),
        (3, 0.9, 9),
        (4, 1 - 4 / 70, 14),
        (5, 1 - 24 / 252, 17),
    ],
)
def test_the_interval_is_cut_as_the_exact_distribution_allows(jobs: int, confidence: float, kept: int) -> None:
    values = [10.0 * (1 + 0.01 * index) for index in range(jobs)]
    baseline = [10.0 * (1 + 0.001 * index) for index in range(jobs)]
    found = ratio_interval(values, baseline)
    ratios = sorted(value / base for value, base in itertools.product(values, baseline))
    cut = (len(ratios) - kept) // 2
    assert found is not None
    assert found.confidence == pytest.approx(confidence)
    assert (found.low, found.high) == (ratios[cut], ratios[-1 - cut])
    assert found.is_enough is (jobs >= 3)


positive = st.lists(st.floats(0.01, 1e4), min_size=1, max_size=25)


@given(positive, positive)
def test_the_interval_holds_the_ratio_and_turns_over_with_its_sides(values: list[float], baseline: list[float]) -> None:
    found, turned = ratio_interval(values, baseline), ratio_interval(baseline, values)
    assert found is not None
    assert turned is not None
    assert found.low <= found.ratio <= found.high
    assert turned.low == pytest.approx(1 / found.high)
    assert turned.high == pytest.approx(1 / found.low)
    assert 0 <= found.confidence <= 1


@pytest.mark.parametrize(("values", "baseline"), [([], [1.0]), ([1.0], []), ([0.0], [1.0]), ([1.0], [0.0, 1.0])])
def test_what_cannot_be_divided_has_no_interval(values: list[float], baseline: list[float]) -> None:
    assert ratio_interval(values, baseline) is None


def three(value: float) -> list[Outcome]:
    return [measured(value * factor) for factor in (0.99, 1.0, 1.01)]


@pytest.mark.parametrize(
    ("now", "before", "standing"),
    [
        (three(12.0), three(10.0), Standing.WORSE),
        (three(8.0), three(10.0), Standing.BETTER),
        (three(10.1), three(10.0), Standing.SAME),
        (three(10.6), three(10.0), Standing.UNCLEAR),  # between: neither beyond the threshold nor within
        ([measured(20.0)], [measured(10.0)], Standing.UNCLEAR),  # one job a side decides nothing
        ([CRASH], three(10.0), Standing.LOST),
        (three(10.0), [CRASH], Standing.FOUND),
        ([CRASH], [CRASH], Standing.UNMEASURED),
    ],
)
def test_a_cell_stands_as_its_whole_interval_does(now, before, standing: Standing) -> None:
    found = compare(run_of({("a", "x"): now}), run_of({("a", "x"): before}))
    assert [cell.standing for cell in found.cells] == [standing]
    change = found.cells[0].changes.get("latency_p50_ms")
    assert (change is None) is (standing in {Standing.LOST, Standing.FOUND, Standing.UNMEASURED})


def test_more_of_what_should_be_high_is_better() -> None:
    now = run_of({("a", "x"): [measured(1.0, throughput_per_s=v) for v in (120.0, 121.0, 122.0)]})
    before = run_of({("a", "x"): [measured(1.0, throughput_per_s=v) for v in (99.0, 100.0, 101.0)]})
    assert compare(now, before, metric="throughput_per_s").cells[0].standing is Standing.BETTER


def test_worst_first_and_what_is_on_one_side_only_is_listed_never_zero() -> None:
    now = run_of({("a", "x"): three(10.0), ("a", "y"): three(30.0), ("a", "z"): three(15.0), ("new", "x"): three(1.0)})
    before = run_of({("a", "x"): three(10.0), ("a", "y"): three(10.0), ("a", "z"): three(10.0), ("old", "x"): [CRASH]})
    found = compare(now, before)
    assert [(str(cell.cell or cell.baseline), cell.standing) for cell in found.cells] == [
        ("a on y", Standing.WORSE),
        ("a on z", Standing.WORSE),
        ("new on x", Standing.ADDED),
        ("old on x", Standing.REMOVED),
        ("a on x", Standing.SAME),
    ]
    assert found.cells[2].changes == found.cells[3].changes == {}
    assert found.overall == pytest.approx((3 * 1.5) ** (1 / 3) - 1)
    assert {standing: count for standing, count in found.counts.items() if count} == {
        Standing.WORSE: 2,
        Standing.ADDED: 1,
        Standing.REMOVED: 1,
        Standing.SAME: 1,
    }


def test_a_renaming_sets_differently_named_cells_beside_each_other_and_no_others() -> None:
    run = run_of({("a", "x"): three(10.0), ("a", "y"): three(20.0), ("b", "x"): three(1.0), ("b", "y"): three(5.0)})
    found = compare(run, run, renaming=Renaming(devices={"y": "x"}))
    assert [cell.name for cell in found.cells] == ["b on y, against b on x", "a on y, against a on x"]
    assert found.cells[0].changes["latency_p50_ms"].change == pytest.approx(4.0)
    models = compare(run, run, renaming=Renaming(models={"a": "b"}))
    assert [cell.name for cell in models.cells] == ["a on x, against b on x", "a on y, against b on y"]


def test_what_else_is_not_the_same_is_told() -> None:
    now = run_of({("a", "x"): [measured(1.0, runtime="ORT 2")]}, os="15")
    before = run_of({("a", "x"): [measured(1.0, runtime="ORT 1")]}, os="14")
    assert compare(now, before).differences == (
        "x: 15 now, 14 in the baseline",
        "runtime on x: ORT 2 now, ORT 1 in the baseline",
    )


def layer(index: int, name: str, time_us: float, unit: str = "CPU", type_: str = "Conv") -> Layer:
    return Layer(index=index, name=name, type=type_, time_us=time_us, compute_unit=unit)


def test_each_layers_fate() -> None:
    before = [
        layer(0, "slow", 100), layer(1, "fast", 100), layer(2, "move", 100, "NPU"), layer(3, "gone", 50, type_="Add"),
        layer(4, "same", 100), layer(5, "tiny", 1),
    ]  # fmt: skip
    now = [
        layer(0, "slow", 150), layer(1, "fast", 60), layer(2, "move", 300), layer(3, "new", 40, type_="Mul"),
        layer(4, "same", 105), layer(5, "tiny", 2),
    ]  # fmt: skip
    found = compare_layers(now, before)
    assert [(change.name, change.fate) for change in found] == [
        ("move", LayerFate.MOVED),
        ("slow", LayerFate.SLOWER),
        ("gone", LayerFate.GONE),
        ("fast", LayerFate.FASTER),
        ("new", LayerFate.APPEARED),
        ("same", LayerFate.SAME),
        ("tiny", LayerFate.SAME),  # doubled, and half a percent of nothing
    ]
    assert found[0].difference_us == 200
    assert (found[2].time_us, found[4].baseline_us) == (None, None)


def test_renamed_layers_are_matched_by_their_operators_in_order() -> None:
    before = [layer(0, "a", 10, type_="Conv"), layer(1, "b", 20, type_="Relu"), layer(2, "c", 30, type_="Conv")]
    now = [layer(0, "q0", 10, type_="Conv"), layer(1, "q2", 60, type_="Conv")]
    fates = {change.name: change.fate for change in compare_layers(now, before)}
    assert fates == {"q0": LayerFate.SAME, "q2": LayerFate.SLOWER, "b": LayerFate.GONE}


def test_names_that_repeat_are_told_apart_by_their_order() -> None:
    before = [layer(0, "n", 10), layer(1, "n", 100)]
    now = [layer(0, "n", 10), layer(1, "n", 200)]
    assert [(change.time_us, change.fate) for change in compare_layers(now, before)] == [
        (200, LayerFate.SLOWER),
        (10, LayerFate.SAME),
    ]


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_every_layer_of_either_side_appears_once(now: list[str], before: list[str]) -> None:
    here = [layer(index, name, 1.0 + index) for index, name in enumerate(now)]
    there = [layer(index, name, 2.0 + index) for index, name in enumerate(before)]
    found = compare_layers(here, there)
    if here and there:
        assert sorted(c.time_us for c in found if c.time_us is not None) == [one.time_us for one in here]
        assert sorted(c.baseline_us for c in found if c.baseline_us is not None) == [one.time_us for one in there]
    else:
        assert found == ()
