"""Annotations for GitHub: what is told, how much of it, and that no name can become a command."""

import io
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.domain.cell import Cell
from orchestrator.domain.report import Report
from orchestrator.presentation.annotations import annotations
from orchestrator.presentation.console import print_report
from orchestrator.presentation.escape import no_workflow_command, workflow_data, workflow_property

COMMAND = re.compile(r"::(error|warning) title=([^,:\r\n]+)::([^\r\n]+)")
HOSTILE = st.text(st.characters(codec="utf-8") | st.sampled_from("%\r\n:,#[]"), max_size=60)


@pytest.fixture
def one_report(make_report) -> Report:
    return make_report(1, 1, failing=0, gates=True)


def read(line: str) -> tuple[str, str, str]:
    """A command as GitHub's runner reads it: kind, title, message."""
    match = COMMAND.fullmatch(line)
    assert match, line
    title, message = match[2], match[3]
    for code, sign in (("%3A", ":"), ("%2C", ",")):
        title = title.replace(code, sign)
    for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        title, message = title.replace(code, sign), message.replace(code, sign)
    return match[1], title, message


def test_each_cell_that_does_not_hold_has_one_line_worst_first(make_report) -> None:
    report = make_report(2, 3, failing=0, gates=True)
    cells = [cell.cell for cell in report.cells]
    broken = replace(report.cells[0], measured=2)
    lines = annotations(replace(report, cells=(broken, *report.cells[1:])))
    told = [read(line) for line in lines]
    assert [(kind, title) for kind, title, _ in told] == [
        ("error", f"gate failed: {cells[3]}"),
        ("error", f"no result: {cells[0]}"),
        ("error", f"undecided: {cells[4]}"),
        ("warning", f"warning: {cells[2]}"),
    ]
    assert told[0][2].endswith("sensitivity 2.7%, sessions 2 / 12, best; the change is 3% of the baseline")
    assert "13.0 against 10.0, +30% (+26% to +34%)" in told[0][2]
    assert told[1][2].startswith("1 job of 3 without a result")


def test_a_run_that_holds_has_none(make_report) -> None:
    assert annotations(make_report(2, 3, failing=0)) == ()


@pytest.mark.parametrize(("cells", "shown"), [(9, 9), (10, 10), (40, 10)])
def test_github_is_given_no_more_of_a_kind_than_it_shows(make_report, cells: int, shown: int) -> None:
    report = make_report(1, cells, failing=0, layers=0, gates=True)
    gates = [
        replace(gate, verdict="warn" if index % 2 else "fail", cell=cell.cell)
        for index, cell in enumerate(report.cells)
        for gate in report.gates[:1]
    ]
    twice = [replace(gate, verdict="fail") for gate in gates] + [
        replace(gate, verdict="warn", cell=replace(gate.cell, variant="other")) for gate in gates
    ]
    others = [replace(cell, cell=replace(cell.cell, variant="other")) for cell in report.cells]
    lines = annotations(replace(report, cells=(*report.cells, *others), gates=tuple(twice)))
    for kind in ("error", "warning"):
        of_kind = [line for line in lines if line.startswith(f"::{kind} ")]
        assert len(of_kind) == shown
        if shown == 10:
            assert f"and {cells - 9} more cell" in read(of_kind[-1])[2]


@given(HOSTILE, HOSTILE)
def test_what_is_escaped_is_one_line_and_reads_back(title: str, message: str) -> None:
    line = f"::error title=t{workflow_property(title)}::m{workflow_data(message)}"
    assert len(line.splitlines()) == 1 or not re.search(r"[\r\n]", line)
    assert read(line) == ("error", f"t{title}", f"m{message}")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(HOSTILE, HOSTILE)
def test_no_name_of_a_cell_becomes_a_command(one_report, name: str, reason: str) -> None:
    report = one_report
    cell = Cell(model=f"x::error::{name}", device=f"\n::warning::{name}")
    gates = (replace(report.gates[0], cell=cell, verdict="fail", reason=reason, rule=name),)
    lines = annotations(replace(report, cells=(replace(report.cells[0], cell=cell),), gates=gates))
    assert len(lines) == 1
    kind, title, _ = read(lines[0])
    assert kind == "error"
    assert title.startswith("gate failed: x::error::")


@given(HOSTILE)
def test_a_log_line_is_no_command(text: str) -> None:
    told = no_workflow_command(f"::error::{text}##[add-mask]{text}")
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in re.split(r"[\r\n]", told))
    assert told.replace("\u200b", "") == f"::error::{text}##[add-mask]{text}".replace("\u200b", "")


@pytest.mark.parametrize("in_actions", [True, False])
def test_a_model_called_like_a_command_is_harmless_in_the_table(
    make_report, tmp_path, in_actions: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_actions:
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
    report = make_report(1, 1, failing=0)
    cell = replace(report.cells[0], cell=Cell(model="::error::owned", device="d"))
    out = io.StringIO()
    print_report(replace(report, cells=(cell,)), tmp_path, stream=out)
    lines = [line for line in out.getvalue().splitlines() if line.lstrip().startswith("::")]
    assert bool(lines) is not in_actions
    assert ":\u200b:error:\u200b:owned" in out.getvalue() if in_actions else "::error::owned" in out.getvalue()
