"""The files of a run on disk."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.presentation import write
from orchestrator.presentation.json_report import load_report
from orchestrator.presentation.write import write_index, write_reports

NAMES = {"report.html", "results.json", "results.csv", "gates.csv", "junit.xml", "summary.md"}


@pytest.mark.parametrize("hostile", [False, True])
def test_all_forms_are_written(make_report, tmp_path: Path, hostile: bool) -> None:
    report = make_report(2, 3, hostile=hostile)
    paths = write_reports(report, tmp_path / "new" / "run")
    assert {path.name for path in paths} == NAMES == {path.name for path in (tmp_path / "new" / "run").iterdir()}
    assert paths[0].name == "results.json"
    for path in paths:
        assert path.read_bytes().decode("utf-8")
    assert hostile or load_report(paths[0]) == report


def test_all_forms_say_the_same_numbers(make_report, tmp_path: Path) -> None:
    report = make_report(1, 1, failing=0)
    write_reports(report, tmp_path)
    value = report.cells[0].metric("latency_p50_ms").value
    shown = f"{value:.2f}"
    for name in NAMES - {"results.json", "results.csv", "gates.csv"}:
        assert shown in (tmp_path / name).read_text(), name
    for name in ("results.json", "results.csv"):
        assert repr(value) in (tmp_path / name).read_text(), name


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(
    make_report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, folder = make_report(1, 1), tmp_path / "run"
    write_reports(report, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write.Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_reports(replace(report, command="another"), folder)
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_index_lists_newest_first_and_links_what_is_there(make_report, tmp_path: Path) -> None:
    first = make_report(1, 1).run
    second = replace(first, id="later", started_at=first.started_at + timedelta(days=1), ended_at=None, exit_code=None)
    (tmp_path / first.id).mkdir()
    (tmp_path / first.id / "report.html").touch()
    text = write_index([first, second], tmp_path).read_text()
    assert text.index("later") < text.index(first.id)
    assert f'href="{first.id}/report.html"' in text
    assert 'href="later/' not in text
    assert "NOT FINISHED" in text


def test_an_empty_index_says_so(tmp_path: Path) -> None:
    assert "Nothing has been run yet" in write_index([], tmp_path / "reports").read_text()
