"""Trends in the terminal and for programs."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.domain.alert import Alert, AlertKind
from orchestrator.domain.cell import Cell
from orchestrator.domain.trend import Trend, TrendPoint
from orchestrator.presentation.history_chart import chart
from orchestrator.presentation.history_json import history_as_json
from orchestrator.presentation.history_table import print_history, sparkline

START = datetime(2026, 1, 1, tzinfo=UTC)
ALERT = Alert(
    project="p",
    cell=Cell(model="m", device="d"),
    metric="latency_p50_ms",
    kind=AlertKind.CHANGE_POINT,
    since=START + timedelta(days=5),
    before=10.0,
    after=12.0,
    p=1e-5,
    run_id="r7",
    opened_at=START + timedelta(days=7),
)


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


def lines(*trends: Trend, **options: Any) -> list[str]:
    stream = io.StringIO()
    print_history(trends, stream=stream)
    return stream.getvalue().splitlines()


def test_a_cell_is_drawn_with_its_band_and_all_that_happened_below() -> None:
    values = [10.0] * 5 + [12.0] * 3
    points = tuple(
        TrendPoint(
            run_id=f"r{day}",
            at=START + timedelta(days=day),
            value=value,
            change=0.2 if day == 5 else None,
            counts=day < 5,
            context="os: 14 -> 15" if day == 6 else "",
            anew={3: "accepted", 4: "improved"}.get(day, ""),
            names=("release/1",) if day == 1 else (),
        )
        for day, value in enumerate(values)
    )
    found = trend(points=points, usual=10.0, low=9.9, high=10.1, alerts=(ALERT,))
    shown = lines(found)
    assert "\x1b" not in "".join(shown)
    (at,) = [number for number, line in enumerate(shown) if "12.0 │" in line]
    assert shown[at : at + 11] == [
        "     12.0 │     ○○○",
        "          │",
        "          │",
        "          │",
        "          │",
        "     9.90 │●●●●●░░░",
        "  changes │     ▲",
        "   alerts │     ✕",
        "     anew │   ✓▼",
        "  context │      ◆",
        "    named │ P",
    ]
    told = " ".join(" ".join(shown).split())
    for part in (
        "10.0 (9.90–10.1)",
        "+20% since 2026-01-06 (run r5)",
        "the baseline began anew on 2026-01-04: accepted",
        "2026-01-07: os: 14 -> 15",
        "release/1 is run r1",
        f"✕ open {ALERT.id} latency_p50_ms of m on d +20%",
    ):
        assert part in told


def test_what_is_worse_is_red_and_what_is_better_is_not() -> None:
    worse, better = (
        trend(points=(TrendPoint(run_id="r", at=START, value=value),), usual=10.0, low=9.9, high=10.1)
        for value in (12.0, 8.0)
    )
    styles = [{str(span.style) for line in chart(found, 80) for span in line.spans} for found in (worse, better)]
    assert "bold red" in styles[0]
    assert "bold red" not in styles[1]
    assert "cyan" in styles[1]


def test_only_the_newest_nights_are_drawn_where_not_all_fit() -> None:
    points = tuple(TrendPoint(run_id=f"r{n}", at=START + timedelta(days=n), value=10.0) for n in range(200))
    assert {len(line.plain) for line in chart(trend(points=points, usual=10.0, low=10.0, high=10.0), 80)} <= {11, 80}


def test_many_cells_are_a_table_alone_which_says_how_many_sessions_are_kept() -> None:
    shown = lines(*[trend(sessions=1234)] * 9)
    assert len([line for line in shown if "1,234" in line]) == 9
    assert not [line for line in shown if "●" in line]
    assert "9 cells: name fewer than 9 to see them drawn" in shown[-1]


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
    (told,) = json.loads(history_as_json([trend(alerts=(ALERT,))]))[0]["alerts"]
    assert told | {"id": ALERT.id, "state": "open", "model": "m"} == told
    assert told["change"] == pytest.approx(0.2)
