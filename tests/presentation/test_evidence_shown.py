"""Every form tells the evidence: sensitivity, sessions, why a cell was measured again, and each gate's numbers."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from orchestrator.domain.report import Report
from orchestrator.presentation.csv_report import gates_to_csv, to_csv
from orchestrator.presentation.gate_table import print_gates
from orchestrator.presentation.html_report import to_html
from orchestrator.presentation.json_report import dump_report, from_json
from orchestrator.presentation.junit import to_junit
from orchestrator.presentation.summary import to_markdown
from orchestrator.presentation.write import rendered


def flat(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


def terminal(report: Report) -> str:
    return flat(rendered(report, "text", Path("r")))


def page(report: Report) -> str:
    return flat(unescape(re.sub(r"<[^>]*>", " ", to_html(report).split("<script")[0])))


def markdown(report: Report) -> str:
    return flat(re.sub(r"\\(.)", r"\1", to_markdown(report)))


def junit(report: Report) -> str:
    root = fromstring(to_junit(report))
    return flat(" ".join(filter(None, (part for e in root.iter() for part in (e.get("message"), e.text)))))


def gate_list(report: Report) -> str:
    out = io.StringIO()
    print_gates(report, stream=out)
    return flat(out.getvalue())


FORMS: dict[str, Callable[[Report], str]] = {
    "terminal": terminal,
    "html": page,
    "md": markdown,
    "junit": junit,
    "bench gate": gate_list,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_gate_shows_all_it_knows(make_report, form: str) -> None:
    report = make_report(1, 4, failing=0, gates=True)
    likely = "likely: conv1 took 80% of it, moved from NPU to CPU"
    report = replace(
        report, gates=tuple(replace(g, likely=likely if g.verdict == "fail" else "") for g in report.gates)
    )
    (gate,) = [gate for gate in report.gates if gate.verdict == "fail"]
    text = FORMS[form](report)
    for told in ("13.0", "10.0", "+30%", "+26% to +34%", "2.7%", "2 / 12", f"{gate.reason}; {likely}"):
        assert told in text, told
    if form != "junit":
        assert "4 verdicts on 4 cells: ✕ 1 fail, ! 1 warn, ✓ 2 pass" in text


def test_what_is_open_for_one_reason_on_many_cells_is_one_line_in_the_terminal(make_report) -> None:
    report = make_report(2, 3, failing=0, gates=True)
    new = {"verdict": "warn", "cause": "no_baseline", "reason": "no baseline yet: 0 of at least 5 sessions"}
    report = replace(report, gates=tuple(replace(gate, **new) for gate in report.gates))
    text = terminal(report)
    assert "! warn 6 cells: latency_p50_ms at most 5% slower: no baseline yet: 0 of at least 5 sessions" in text
    assert "6 verdicts on 6 cells: ! 6 warn" in text
    assert gate_list(report).count("no baseline yet") == 6


def test_the_gates_as_a_table_for_spreadsheets(make_report) -> None:
    report = make_report(1, 5, failing=0, gates=True)
    rows = list(csv.DictReader(io.StringIO(gates_to_csv(report), newline="")))
    assert [row["verdict"] for row in rows] == ["fail", "inconclusive", "warn", "pass", "pass"]
    assert rows[0]["value"] == "13.0"
    assert (rows[0]["sensitivity"], rows[0]["sessions"], rows[0]["baseline_sessions"]) == ("0.0271", "2", "12")
    assert rows[0]["reason"] == "the change is 3% of the baseline"
    bare = replace(report, gates=(replace(report.gates[0], baseline=None, sensitivity=None),))
    (row,) = csv.DictReader(io.StringIO(gates_to_csv(bare), newline=""))
    assert (row["baseline"], row["sensitivity"]) == ("", "")


@pytest.mark.parametrize("form", ["terminal", "html", "md", "junit"])
def test_each_cell_shows_its_sensitivity_or_why_it_has_none(make_report, form: str) -> None:
    text = FORMS[form](make_report(1, 3, failing=0, gates=True))
    for told in ("1.3%", "1.4%", "no baseline yet: 2 of at least 5 sessions", "against the last 12 sessions"):
        assert told in text, told


def test_the_table_of_cells_has_it_too(make_report) -> None:
    report = make_report(1, 3, failing=0, gates=True)
    rows = list(csv.DictReader(io.StringIO(to_csv(report), newline="")))
    assert [row["sensitivity"] for row in rows] == ["", str(0.0123 + 0.001), str(0.0123 + 0.002)]
    assert rows[0]["sensitivity_reason"] == "no baseline yet: 2 of at least 5 sessions"
    first, again = report.cells[0].sessions
    assert rows[0]["sessions"] == f"{first.value} {again.value}"
    assert [row["gate"] for row in rows] == ["pass", "pass", "warn"]


@pytest.mark.parametrize("form", ["terminal", "html", "md"])
def test_a_cell_measured_again_says_why_and_what_came_of_it(make_report, form: str) -> None:
    report = make_report(1, 5, failing=0, gates=True)
    again = [cell for cell in report.cells if len(cell.sessions) > 1]
    assert len(again) == 2
    text = FORMS[form](report)
    assert "measured again" in text.lower()
    assert "suspicious cell 0" in text
    assert "suspicious cell 4" in text
    assert "? inconclusive: the change is 4% of the baseline" in text
    assert text.count("best of 3 jobs") == 4
    once = replace(report, cells=tuple(replace(cell, sessions=cell.sessions[:1]) for cell in report.cells))
    assert "measured again" not in FORMS[form](once).lower()


def test_results_json_keeps_it_and_older_ones_are_read(make_report) -> None:
    report = replace(make_report(1, 5, failing=0, gates=True), profile="nightly")
    data = json.loads(dump_report(report))
    assert from_json(data) == report
    for cell in data["cells"]:
        for name in ("sessions", "sensitivity", "sensitivity_reason"):
            del cell[name]
    for job in data["jobs"]:
        del job["why"]
    del data["profile"]
    older = from_json(data)
    assert older.profile == "release"
    assert {(cell.sessions, cell.sensitivity, cell.sensitivity_reason) for cell in older.cells} == {((), None, "")}
    assert all(flat(FORMS[form](older)) for form in FORMS)


# ---- JUnit, as strict readers want it ----

ATTRIBUTES = {
    "testsuites": ({"name", "time", "tests", "failures", "disabled", "errors"}, set()),
    "testsuite": (
        {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "package"},
        {"name", "tests"},
    ),
    "testcase": ({"name", "time", "classname", "group"}, {"name"}),
    "failure": ({"type", "message"}, {"type"}),
    "error": ({"type", "message"}, {"type"}),
    "skipped": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "error", "skipped", "system-out"},
}


def check_junit(root: Element) -> None:
    """The rules that the schemas of Jenkins, Surefire and Ant share."""
    assert root.tag == "testsuites"
    for element in root.iter():
        allowed, required = ATTRIBUTES[element.tag]
        assert required <= set(element.keys()) <= allowed, element.tag
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
        if (time := element.get("time")) is not None:
            assert re.fullmatch(r"\d+\.\d{3}", time)
    for suite in root:
        cases = suite.findall("testcase")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", ""))
        names = Counter((case.get("classname"), case.get("name")) for case in cases)
        assert not [name for name, count in names.items() if count > 1]
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(attribute, "")) == sum(case.find(tag) is not None for case in cases)
        assert int(suite.get("tests", "")) == len(cases)
        assert all(len([child for child in case if child.tag != "system-out"]) <= 1 for case in cases)
    for attribute in ("tests", "failures", "errors"):
        assert int(root.get(attribute, "")) == sum(int(suite.get(attribute, "")) for suite in root)


@pytest.mark.parametrize("hostile", [False, True])
@pytest.mark.parametrize("profile", ["release", "nightly"])
def test_junit_keeps_the_schema(make_report, hostile: bool, profile: str) -> None:
    report = replace(make_report(3, 6, hostile=hostile, failing=0.3, gates=True), profile=profile)
    doubled = replace(report, gates=(*report.gates, *report.gates[:4]))
    check_junit(fromstring(to_junit(doubled).encode("utf-8", "replace")))


def test_only_at_night_is_what_is_open_skipped(make_report) -> None:
    report = make_report(1, 5, failing=0, gates=True)
    release = fromstring(to_junit(report))
    assert release.find(".//skipped") is None
    assert release.find(".//error").get("type") == "undecided"
    by_day = replace(report.gates[2], cause="")  # a warning that was decided
    softened = tuple(replace(gate, verdict="warn") if gate.verdict == "inconclusive" else gate for gate in report.gates)
    night = fromstring(to_junit(replace(report, profile="nightly", gates=(*softened, by_day))))
    skipped = night.findall(".//skipped")
    assert len(skipped) == 2 == int(night[0].get("skipped"))
    assert "the change is 4% of the baseline" in skipped[1].get("message")
    assert night.get("errors") == "0"
