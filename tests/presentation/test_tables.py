"""The forms for programs and CI: CSV, JUnit, Markdown."""

import csv
import io
import re
from dataclasses import replace
from xml.etree.ElementTree import fromstring

import pytest

from orchestrator.domain.cell_report import report_cell
from orchestrator.domain.outcome import Skipped
from orchestrator.presentation import summary
from orchestrator.presentation.csv_report import to_csv
from orchestrator.presentation.junit import to_junit
from orchestrator.presentation.summary import LIMIT_BYTES, to_markdown


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_a_row_for_each_cell_and_the_exact_numbers(make_report) -> None:
    report = make_report(3, 4, failing=0.2)
    text = to_csv(report)
    rows = rows_of(text)
    assert len(rows) == len(report.cells)
    assert text.count("\r\n") == text.count("\n") == len(rows) + 1
    for row, cell in zip(rows, report.cells, strict=True):
        assert (row["model"], row["device"], row["variant"]) == (cell.cell.model, cell.cell.device, cell.cell.variant)
        assert row["trust"] == cell.trust
        summary = cell.metric("latency_p50_ms")
        assert row["latency_p50_ms"] == ("" if summary is None else repr(summary.value))
        assert row["latency_p50_ms_jobs"] == ("" if summary is None else str(summary.n))
    assert any(row["failures"] for row in rows)


def test_csv_of_hostile_names_holds_no_formula(make_report) -> None:
    for row in rows_of(to_csv(make_report(5, 6, hostile=True, failing=0.3))):
        for value in row.values():
            assert not value.startswith(("=", "@", "\t", "\r"))
            assert not re.match(r"[+-](?!\d)", value)


def test_junit_counts_what_it_holds(make_report) -> None:
    report = make_report(3, 5, failing=0.3, gates=True)
    root = fromstring(to_junit(report))
    cases = root.findall(".//testcase")
    assert len(cases) == len(report.cells) + len(report.gates) == int(root.get("tests", ""))
    assert {suite.get("name") for suite in root} == {cell.cell.model for cell in report.cells}
    assert int(root.get("failures", "")) == len(root.findall(".//failure")) == verdicts(report, "fail")
    broken = sum(1 for cell in report.cells if cell.measured < cell.planned)
    assert int(root.get("errors", "")) == len(root.findall(".//error")) == broken + verdicts(report, "inconclusive")
    assert broken
    assert sum(int(suite.get("tests", "")) for suite in root) == len(cases)


def verdicts(report, verdict: str) -> int:
    return sum(1 for gate in report.gates if gate.verdict == verdict)


def test_junit_says_why_a_cell_is_broken(make_report) -> None:
    report = make_report(1, 1, failing=0)
    jobs = (replace(report.jobs[0], outcome=Skipped(reason="stopped early")), *report.jobs[1:])
    report = replace(report, jobs=jobs, cells=(report_cell(jobs[0].key.cell, jobs),))
    case = fromstring(to_junit(report)).find(".//testcase")
    error = case.find("error")
    assert error.get("type") == "skipped"
    assert error.get("message") == "1 job of 3 without a result"
    assert error.text == "#1 skipped: stopped early"
    assert "trust: noisy; 2 of 3 jobs measured" in case.find("system-out").text


def test_junit_survives_hostile_texts(make_report) -> None:
    report = make_report(4, 6, hostile=True, failing=0.4, gates=True)
    root = fromstring(to_junit(report).encode("utf-8", "replace"))
    assert len(root.findall(".//testcase")) == len(report.cells) + len(report.gates)


def test_markdown_leads_with_the_verdict_and_the_answer(make_report) -> None:
    text = to_markdown(make_report(3, 6, gates=True))
    first, _, answer = text.splitlines()[:3]
    assert first == "## ✕ FAIL: vision-nightly"
    assert "the fastest device for" in answer
    assert "jobs measured" in answer
    assert text.index("### Gates") < text.index("### Fastest") < text.index("### Cells")
    assert "random weights" in text


@pytest.mark.parametrize("hostile", [False, True])
def test_markdown_stays_below_its_limit_and_says_so(
    make_report, hostile: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LIMIT_BYTES == 1024 * 1024  # what a GitHub step summary takes
    report = make_report(20, 60, layers=0, hostile=hostile, gates=True)
    assert len(to_markdown(report).encode("utf-8", "replace")) <= LIMIT_BYTES
    monkeypatch.setattr(summary, "LIMIT_BYTES", 60_000)
    text = to_markdown(report)
    assert len(text.encode("utf-8", "replace")) <= 60_000
    assert "Cut here" in text


def test_markdown_tables_keep_their_shape_under_hostile_names(make_report) -> None:
    text = to_markdown(make_report(4, 4, hostile=True, failing=0.3))
    cells = [line for line in text.splitlines() if line.startswith("| ") and "/3 |" in line]
    assert cells
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in cells} == {11}
    assert not re.search(r"<(?!/?(details|summary|sub)>)", text)
