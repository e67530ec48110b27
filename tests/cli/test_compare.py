"""`bench compare` and `bench report --format` as a user meets them."""

import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest


@pytest.fixture(scope="module")
def two_runs(make_folder: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, str, str]:
    """A folder with a run, and a copy of its results under an older name, as if it had been run before."""
    folder = make_folder(tmp_path_factory.mktemp("two") / "work")
    assert folder.bench("run", "plan.yaml", "--quiet").returncode == 0
    (run,) = folder.runs()
    older = run.with_name("20200101T000000Z-000000")
    older.mkdir()
    (older / "results.json").write_text((run / "results.json").read_text().replace(run.name, older.name))
    return folder, older.name, run.name


def test_two_runs_are_compared_in_every_form(two_runs: Any) -> None:
    folder, first, second = two_runs
    shown = folder.bench("compare", "latest", first)
    assert shown.returncode == 0, shown.stderr
    assert f"{second} against {first}" in shown.stdout
    assert "4 cells: 4 unclear" in " ".join(shown.stdout.split())  # one job a side decides nothing

    found = json.loads(folder.bench("compare", second, f"reports/{first}", "--json").stdout)
    assert (found["run_id"], found["baseline"]["id"]) == (second, first)
    assert len(found["cells"]) == 4
    results = json.loads((folder.path / "reports" / second / "results.json").read_text())
    values = {(c["model"], c["device"]): c["metrics"]["latency_p50_ms"]["value"] for c in results["cells"]}
    for cell in found["cells"]:
        change = cell["changes"]["latency_p50_ms"]
        assert change["value"]["value"] == values[cell["cell"]["model"], cell["cell"]["device"]]
        assert cell["layers"]

    text = folder.bench("compare", second, f"reports/{first}/results.json", "--format", "md").stdout
    assert text.startswith(f"## Against {first}")
    page = folder.path / "out" / "compared.html"
    assert (
        folder.bench("compare", second, f"reports/{first}", "--format", "html", "--output", str(page)).returncode == 0
    )
    html = page.read_text()
    assert "Against run <code>" in html
    assert str(folder.path) not in html


def test_one_run_is_compared_with_itself_across_devices(two_runs: Any) -> None:
    folder, _, second = two_runs
    shown = folder.bench("compare", second, second, "--device", "host-cpu-1t=host-cpu-1t-ios", "--json")
    cells = json.loads(shown.stdout)["cells"]
    assert [(cell["cell"]["device"], cell["baseline"]["device"]) for cell in cells] == [
        ("host-cpu-1t", "host-cpu-1t-ios")
    ] * 2
    models = json.loads(folder.bench("compare", second, second, "--model", "small=tiny", "--json").stdout)["cells"]
    assert {cell["cell"]["model"] for cell in models} == {"small"}


def test_a_comparison_that_cannot_be_made_says_why(two_runs: Any) -> None:
    folder, first, second = two_runs
    for option, value, words in (
        ("--model", "small", "not a pair A=B"),
        ("--device", "nowhere=host-cpu-1t", "share no cell"),
        ("--threshold", "much", "--threshold 'much' is not a share"),
    ):
        shown = folder.bench("compare", second, first, option, value)
        assert shown.returncode == 2
        assert words in shown.stderr


def test_a_run_that_is_not_there_is_named(folder: Any) -> None:
    shown = folder.bench("compare", "nothing", "latest")
    assert shown.returncode == 2
    assert "nothing" in shown.stderr


def test_any_one_form_is_rendered_again(two_runs: Any) -> None:
    folder, _, second = two_runs
    for form, name in (("json", "results.json"), ("csv", "results.csv"), ("junit", "junit.xml"), ("md", "summary.md")):
        shown = folder.bench("report", second, "--format", form)
        assert shown.stdout == (folder.path / "reports" / second / name).read_bytes().decode().replace("\r\n", "\n")
    assert ET.fromstring(folder.bench("report", "--format", "junit").stdout).tag == "testsuites"
    assert "4 of 4 jobs measured" in folder.shown("report", "--format", "text")
    assert folder.bench("report", "--format", "html", "--output", "one.html").returncode == 0
    assert (folder.path / "one.html").read_text().startswith("<!doctype html>")


def test_no_file_of_a_run_says_where_it_was_made(two_runs: Any) -> None:
    folder, _, second = two_runs
    for path in (folder.path / "reports" / second).glob("*.*"):
        if path.name != "run.log":
            assert not re.search(re.escape(str(folder.path)), path.read_text()), path.name
