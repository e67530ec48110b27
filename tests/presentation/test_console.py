"""What the commands print on stdout."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.device import DeviceSelector
from orchestrator.domain.plan import ModelEntry, Plan
from orchestrator.domain.run import RunState
from orchestrator.presentation.console import print_report
from orchestrator.presentation.tables import print_check, print_devices, print_runs


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def plan(make_report) -> Plan:
    return Plan(
        path=Path("plan.yaml"),
        text="",
        sha256="",
        name="vision",
        project="vision",
        models=(ModelEntry(name="a", path=Path("a.onnx")),),
        devices=(DeviceSelector(),),
    )


def test_the_result_has_numbers_with_their_evidence_and_the_way_to_the_report(make_report, tmp_path: Path) -> None:
    report = make_report(2, 4, failing=0.3)
    out = io.StringIO()
    print_report(report, tmp_path / "run", stream=out)
    text = out.getvalue()
    for cell in report.cells:
        line = next(ln for ln in text.splitlines() if cell.cell.model in ln and cell.cell.device in ln)
        assert f"{cell.measured}/{cell.planned}" in line
        assert cell.trust in line
        summary = cell.metric("latency_p50_ms")
        assert summary is None or f"{summary.value:.3g}"[:3] in line
    for job in report.jobs:
        if job.failed:
            assert f"✕ {job.failed.kind}" in text
    assert "signal 11" in text
    assert text.splitlines()[-1] == f"report: {tmp_path / 'run' / 'report.html'}"


def test_it_reads_at_80_columns(make_report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    print_report(make_report(3, 4, variants=("cpu4", "gpu")), Path("r"), stream=out)
    lines = out.getvalue().splitlines()
    assert max(len(strip_style(line)) for line in lines) <= 80
    assert "3.12" in out.getvalue()


def strip_style(line: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", line)


def test_a_large_run_is_cut_with_a_word(make_report) -> None:
    out = io.StringIO()
    print_report(make_report(10, 20, layers=0), Path("r"), stream=out)
    assert "… and 140 more cells" in out.getvalue()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_hostile_texts_cannot_steer_the_terminal(
    make_report, plan: Plan, is_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    report = make_report(5, 13, hostile=True, failing=0.4, gates=True)
    out = Terminal() if is_terminal else io.StringIO()
    print_report(report, Path("r"), stream=out)
    print_devices(report.devices, stream=out)
    print_runs([report.run], {}, stream=out)
    cells = [cell.cell for cell in report.cells]
    print_check(plan, report.models, cells, report.devices, stream=out, notices=report.notices)
    text = strip_style(out.getvalue())
    assert not [c for c in text if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2028\ud800"]
    assert "[bold red]" in text
    assert ":skull:" in text


def test_no_color_means_none(make_report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, bare = Terminal(), Terminal()
    print_report(make_report(1, 2), Path("r"), stream=coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    print_report(make_report(1, 2), Path("r"), stream=bare)
    assert "\x1b[32m" in coloured.getvalue()
    assert "\x1b[32m" not in bare.getvalue()


def test_a_stream_without_the_signs_gets_question_marks(make_report) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_report(make_report(1, 1, failing=0), Path("r"), stream=stream)
    stream.flush()
    assert b"? trusted" in raw.getvalue()


def test_check_tells_what_was_chosen_and_what_it_takes(make_report, plan: Plan) -> None:
    report = make_report(2, 3)
    out = io.StringIO()
    cells = [cell.cell for cell in report.cells]
    print_check(plan, report.models, cells, report.devices, stream=out, notices=["'gates' is not judged yet"])
    text = out.getvalue()
    assert "21.9 MB" in text.replace("\u00a0", " ")
    assert "5.48 M" in text.replace("\u00a0", " ")
    assert "mobilenet_v3_large: input image, axis 0 (N) = 1 (by default)" in text
    assert "random weights" in text
    assert "'gates' is not judged yet" in text
    assert "2 models × 3 devices × 1 variant = 6 cells; × 3 repeats = 18 jobs" in text
    assert "4 h 30 min" in text.replace("\u00a0", " ")  # 18 jobs of at most 15 minutes


def test_empty_lists_say_so() -> None:
    out = io.StringIO()
    print_devices([], stream=out)
    print_runs([], {}, stream=out)
    assert out.getvalue().splitlines() == ["no device matches", "nothing has been run yet"]


@pytest.mark.parametrize(
    ("exit_code", "word"),
    [
        (0, "✓ measured"),
        (4, "✕ no cloud"),
        (10, "✕ fail"),
        (11, "✕ incomplete"),
        (12, "? undecided"),
        (70, "✕ exit 70"),
        (130, "? interrupted"),
        (None, "? not finished"),
    ],
)
def test_runs_are_listed_with_their_result(make_report, exit_code: int | None, word: str) -> None:
    run = replace(make_report(1, 1).run, exit_code=exit_code)
    out = io.StringIO()
    print_runs([run], {}, stream=out)
    line = next(line for line in out.getvalue().splitlines() if run.id in line)
    assert line.rstrip().endswith(word)


def test_a_run_that_workers_carry_out_is_listed_with_how_far_it_is(make_report) -> None:
    run = replace(make_report(1, 1).run, exit_code=None, state=RunState.RUNNING, detached=True)
    out = io.StringIO()
    print_runs([run], {run.id: (7, 1200)}, stream=out)
    assert "7 of 1,200 jobs, with workers" in " ".join(out.getvalue().split())


def test_variants_have_a_column_only_where_there_are_several(make_report) -> None:
    one, two = io.StringIO(), io.StringIO()
    print_report(make_report(1, 1), Path("r"), stream=one)
    print_report(make_report(1, 1, variants=("cpu", "gpu")), Path("r"), stream=two)
    assert "Variant" not in one.getvalue()
    assert "Variant" in two.getvalue()
