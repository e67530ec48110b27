"""What changed, in every form; and the list of runs with its cache and its trends."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.alert import AlertState
from orchestrator.domain.compare import Renaming, compare
from orchestrator.domain.comparison import Standing
from orchestrator.domain.report import Report
from orchestrator.domain.statistics import Summary
from orchestrator.presentation.changes import summary_of
from orchestrator.presentation.comparison_report import comparison_json, comparison_markdown, print_comparison
from orchestrator.presentation.csv_report import to_csv
from orchestrator.presentation.html_report import to_html
from orchestrator.presentation.index_cache import CACHE
from orchestrator.presentation.json_report import dump_report, from_json
from orchestrator.presentation.page.changes import changes
from orchestrator.presentation.page.layer_data import layer_data
from orchestrator.presentation.summary import to_markdown
from orchestrator.presentation.trends import plan_trends
from orchestrator.presentation.write import write_index, write_text


@pytest.fixture(params=[False, True], ids=["plain", "hostile"])
def compared(request: pytest.FixtureRequest, make_report: Any, another_report: Any) -> Report:
    report = make_report(3, 6, failing=0.1, hostile=request.param)
    baseline = another_report(4, 6, failing=0.1, hostile=request.param)
    return replace(report, comparison=compare(report, baseline))


def test_every_form_tells_the_same_comparison(compared: Report) -> None:
    found = compared.comparison
    assert found
    terminal = StringIO()
    print_comparison(found, stream=terminal)
    sentence = summary_of(found)
    assert sentence in " ".join(terminal.getvalue().split())
    assert sentence in to_html(compared)
    for text in (comparison_markdown(found), to_markdown(compared)):
        assert sentence in re.sub(r"\\(.)", r"\1", text)
    data = json.loads(comparison_json(found))
    assert [cell["standing"] for cell in data["cells"]] == [cell.standing for cell in found.cells]
    assert data == json.loads(dump_report(compared))["comparison"]


def test_what_is_kept_of_a_baselines_jobs_is_all_that_is_compared_with(make_report: Any, another_report: Any) -> None:
    report, baseline = make_report(3, 6, failing=0.1), another_report(4, 6, failing=0.1)
    brief = replace(baseline, jobs=tuple(job.compared for job in baseline.jobs))
    assert not any(job.attempts or (job.measured and job.measured.measurement.layers) for job in brief.jobs)
    assert compare(report, brief) == compare(report, baseline)


def test_a_comparison_survives_the_file(compared: Report) -> None:
    again = from_json(json.loads(dump_report(compared)))
    assert again.comparison is not None
    assert dump_report(again) == dump_report(compared)
    assert to_html(again) == to_html(compared)


def test_no_form_of_a_hostile_comparison_is_led_astray(compared: Report) -> None:
    found = compared.comparison
    assert found
    rows = [line for line in comparison_markdown(found).splitlines() if line.startswith("| ")][1:]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {9}
    terminal = StringIO()
    print_comparison(found, stream=terminal)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", terminal.getvalue())
    assert comparison_json(found).isascii()
    assert to_csv(compared)


def test_what_is_on_one_side_only_is_listed_and_never_zero(make_report: Any, another_report: Any) -> None:
    report = make_report(2, 3, failing=0)
    report = replace(report, comparison=compare(report, another_report(3, 2, failing=0)))
    section = changes(report)
    assert section
    alone = [row for row in section.rows if row.head.endswith(("only in this run", "only in the baseline"))]
    assert {row.head for row in alone} == {"+ only in this run", "– only in the baseline"}
    assert {(row.baseline, row.value, row.change, row.band) for row in alone} == {("–", "–", "–", "")}


def test_without_a_baseline_the_page_says_so(make_report: Any) -> None:
    report = make_report(1, 1)
    assert changes(report) is None
    assert "This run was compared with no other" in to_html(report)


def test_layers_that_changed_are_told_by_the_page(make_report: Any) -> None:
    report = make_report(1, 8, failing=0)
    names = [device.name for device in report.devices]
    phone = next(device.name for device in report.devices if device.platform == "IOS")
    other = next(name for name in names if name != phone)
    report = replace(report, comparison=compare(report, report, renaming=Renaming(devices={phone: other})))
    assert report.comparison
    (cell,) = report.comparison.cells
    assert cell.standing is Standing.BETTER
    assert "moved to another unit" in to_html(report)
    texts = layer_data(report)["texts"]
    assert any(re.fullmatch(r"moved from CPU to [NG]PU, −[\d.]+ ms, [\d.]+% of it", text) for text in texts)
    assert "likely: " in to_html(report)


def nights(report: Report, folder: Path, values: list[float]) -> list[Any]:
    """A run a night, whose first cell takes these ms, a hundredth more or less over its three jobs."""
    runs = []
    for night, value in enumerate(values):
        later = timedelta(days=night)
        run = replace(report.run, id=f"night-{night}", started_at=report.run.started_at + later)
        cell = report.cells[0]
        summary = Summary(value=value, n=3, low=value * 0.99, high=value * 1.01)
        metric = replace(cell.metrics["latency_p50_ms"], summary=summary)
        cells = (replace(cell, metrics={**cell.metrics, "latency_p50_ms": metric}), *report.cells[1:])
        write_text(folder / run.id / "results.json", dump_report(replace(report, run=run, cells=cells)))
        runs.append(run)
    return runs


def test_a_trend_marks_where_a_cell_changed(make_report: Any, tmp_path: Path) -> None:
    report = make_report(1, 2, failing=0)
    runs = nights(report, tmp_path, [10.0, 10.1, 10.0, 13.0, 13.1])
    html = write_index(runs, tmp_path).read_text()
    assert "▲ 1 run ago" in html
    assert "+31%" in html
    assert html.index("night-4") < html.index("night-0")
    assert f"{report.counts['measured']}/{report.counts['planned']}" in html


def test_a_trend_marks_the_runs_that_opened_and_resolved_an_alert(make_report: Any, tmp_path: Path) -> None:
    report = make_report(1, 2, failing=0, gates=True)
    first = replace(report.alerts[0], cell=report.cells[0].cell, run_id="night-1")
    runs = nights(replace(report, alerts=(first,)), tmp_path, [10.0, 10.0, 10.0])
    html = write_index(runs, tmp_path).read_text()
    assert "✕ alert 1 run ago" in html
    assert 'd="M500 0V36"' in html
    gone = replace(first, state=AlertState.RESOLVED, closed_by="night-2", back_since=first.since)
    nights(replace(report, alerts=(gone,)), tmp_path, [10.0, 10.0, 10.0])
    assert "✓ resolved in the last run" in write_index(runs, tmp_path).read_text()


def test_the_list_reads_results_once_and_again_when_they_change(
    make_report: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = make_report(1, 2, failing=0)
    runs = nights(report, tmp_path, [10.0, 10.0, 10.0])
    first = write_index(runs, tmp_path).read_bytes()
    read = []
    from orchestrator.presentation import index_cache

    load = index_cache.load_report
    monkeypatch.setattr(index_cache, "load_report", lambda path: read.append(path.parent.name) or load(path))
    assert write_index(runs, tmp_path).read_bytes() == first
    assert read == []
    nights(report, tmp_path, [10.0, 10.0, 20.0])
    (tmp_path / "night-1" / "results.json").write_text("{broken")
    assert "▲ in the last run" in write_index(runs, tmp_path).read_text()
    assert set(read) == {"night-0", "night-1", "night-2"}


def test_the_report_that_was_just_written_is_not_read_again(
    make_report: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrator.presentation import index_cache

    report = make_report(2, 2, gates=True, failing=0)
    runs = nights(report, tmp_path, [10.0, 10.0])
    written = replace(report, run=replace(report.run, id="last", started_at=runs[-1].started_at + timedelta(days=1)))
    runs.append(written.run)
    write_text(tmp_path / "last" / "results.json", dump_report(written))
    from_files = write_index(runs, tmp_path).read_bytes()
    (tmp_path / CACHE).unlink()
    read, load = [], index_cache.load_report
    monkeypatch.setattr(index_cache, "load_report", lambda path: read.append(path.parent.name) or load(path))
    assert write_index(runs, tmp_path, written).read_bytes() == from_files
    assert read == ["night-0", "night-1"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"version":2,"runs":{"x":1}}', b"\xff", b'{"version":99}'])
def test_a_cache_that_cannot_be_read_is_made_anew(make_report: Any, tmp_path: Path, content: bytes) -> None:
    runs = nights(make_report(1, 1, failing=0), tmp_path, [10.0, 20.0])
    good = write_index(runs, tmp_path).read_bytes()
    (tmp_path / CACHE).write_bytes(content)
    assert write_index(runs, tmp_path).read_bytes() == good


def test_one_run_alone_has_no_trend(make_report: Any) -> None:
    assert plan_trends([make_report(1, 1).run], {}) == ()
