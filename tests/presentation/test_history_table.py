"""Trends in the terminal and for programs."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.domain.cell import Cell
from orchestrator.domain.trend import Trend, TrendPoint
from orchestrator.presentation.history_table import history_as_json, print_history, sparkline

START = datetime(2026, 1, 1, tzinfo=UTC)


def trend(**change: object) -> Trend:
    points = tuple(
        TrendPoint(run_id=f"r{day}", at=START + timedelta(days=day), value=10.0 + day, change=0.2 if day == 2 else None)
        for day in range(4)
    )
    cell = Cell(model="m\x1b[2J", device="d")
    given = {"project": "p", "cell": cell, "metric": "latency_p50_ms", "points": points, "statistic": "best"} | change
    return Trend(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "bars"), [([1.0], "▁"), ([2.0, 2.0], "▁▁"), ([1.0, 8.0], "▁█"), ([0.0, 3.5, 7.0], "▁▅█")]
)
def test_bars_go_from_the_lowest_to_the_highest(values: list[float], bars: str) -> None:
    assert sparkline(values) == bars


def test_a_line_tells_the_latest_the_usual_and_the_changes() -> None:
    stream = io.StringIO()
    print_history([trend(usual=12.0, low=11.5, high=12.5)], stream=stream)
    shown = stream.getvalue()
    assert "\x1b" not in shown
    assert "12.0 (11.5–12.5)" in " ".join(shown.split())
    assert "+20.0% since 2026-01-03 (run r2)" in shown


def test_few_sessions_and_none_are_said() -> None:
    stream = io.StringIO()
    print_history([trend()], stream=stream)
    print_history([], stream=stream)
    assert "too few" in stream.getvalue()
    assert "no session" in stream.getvalue()


def test_programs_get_every_point() -> None:
    (found,) = json.loads(history_as_json([trend()]))
    assert [point["value"] for point in found["points"]] == [10.0, 11.0, 12.0, 13.0]
    assert found["points"][2]["change"] == 0.2
