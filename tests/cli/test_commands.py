"""The commands as a user meets them: what they print, what they leave, and how they end."""

import asyncio
import json
import random
import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.main import COMMANDS
from orchestrator.domain.cell import Cell
from orchestrator.domain.session import Session
from orchestrator.history.database import sqlite_url
from orchestrator.history.journal import open_journal

EMPTY = {"EMBEDL_HUB_API_KEY": "", "EMBEDL_HUB_API_BASE_URL": ""}
ONE_CELL = """\
version: 1
name: small
models: [tiny.tflite]
devices: [host-cpu-1t]
params: {num_runs: 5, warmup_runs: 1, min_secs: 0.02, max_secs: 0.2}
repeats: 1
limits: {poll_interval: 100ms}
gating: {max_sessions: 1}
"""


@dataclass(frozen=True)
class Measured:
    """A folder with one run of its plan, which tests read and leave as it is. `run` is that run's own folder."""

    folder: Any
    run: Path
    done: Any

    def results(self) -> Any:
        """What results.json holds."""
        return json.loads((self.run / "results.json").read_text())


@pytest.fixture(scope="module")
def measured(make_folder: Any, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """The plan's four jobs, measured."""
    folder = make_folder(tmp_path_factory.mktemp("measured") / "work")
    done = folder.bench("run", "plan.yaml")
    (run,) = folder.runs()
    return Measured(folder=folder, run=run, done=done)


def test_help_lists_every_command(folder: Any) -> None:
    shown = folder.bench("--help")
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(folder: Any, name: str) -> None:
    shown = folder.bench(name, "--help")
    assert shown.returncode == 0
    assert "Usage: bench" in shown.stdout


def test_a_run_measures_and_leaves_every_file(measured: Measured) -> None:
    done, run = measured.done, measured.run
    assert done.returncode == 0, done.stderr
    assert "4 of 4 jobs measured" in " ".join(done.stdout.split())
    names = {path.name for path in run.iterdir()}
    assert names == {
        "artifacts", "report.html", "results.json", "results.csv", "gates.csv", "junit.xml", "summary.md", "run.log",
    }  # fmt: skip
    assert run.name in (run.parent / "index.html").read_text()
    ET.parse(run / "junit.xml")
    results = measured.results()
    assert results["schema_version"] == 1
    assert results["run"] | {"state": "completed", "exit_code": 0, "plan": "small"} == results["run"]
    for job in results["jobs"]:
        assert job["outcome"] == "measured"
        assert job["failure"] is None
        assert 0 < job["metrics"]["latency_ms"] < 1000
        assert job["metrics"]["load_ms"] > 0
        assert job["hub_run_id"]
        assert job["layers"]
    for cell in results["cells"]:
        assert (cell["measured"], cell["planned"]) == (1, 1)
        assert cell["metrics"]["latency_ms"]["unit"] == "ms"


def test_a_pipe_gets_plain_lines_and_quiet_gets_none(measured: Measured, folder: Any) -> None:
    assert "\x1b" not in measured.done.stdout + measured.done.stderr
    assert "[4/4]" in measured.done.stderr
    folder.write(ONE_CELL)
    assert folder.bench("run", "plan.yaml", "--quiet").stderr == ""


def test_the_reports_are_rendered_again_offline(measured: Measured) -> None:
    files = [path for path in measured.run.iterdir() if path.suffix in (".json", ".csv", ".xml", ".md")]
    before = {path: path.read_bytes() for path in files}
    for path in files:
        if path.name != "results.json":
            path.unlink()
    assert measured.folder.bench("report", measured.run.name).returncode == 0
    assert {path: path.read_bytes() for path in files} == before


def test_what_has_been_run_can_be_listed_and_shown(measured: Measured) -> None:
    folder, run = measured.folder, measured.run.name
    assert run in folder.bench("runs").stdout
    assert json.loads(folder.bench("runs", "--json").stdout)[0]["id"] == run
    assert "tiny" in folder.bench("show", run).stdout
    assert json.loads(folder.bench("show", "--json").stdout) == measured.results()


def test_where_nothing_has_been_run_there_is_nothing_to_show(folder: Any) -> None:
    assert folder.bench("runs").returncode == 0
    assert folder.bench("show").returncode == 2


def test_a_check_submits_nothing_and_says_what_it_found(folder: Any) -> None:
    shown = folder.bench("check", "plan.yaml")
    assert shown.returncode == 0, shown.stderr
    assert "4 jobs" in shown.stdout
    assert re.search(r"batch.*= 1 \(by default\)", shown.stdout)
    found = json.loads(folder.bench("check", "plan.yaml", "--json").stdout)
    assert found["models"][0]["multiply_accumulates"] == 4 * 14 * 14 * 27
    assert found["jobs"] == 4
    assert not folder.runs()


def test_a_dry_run_stops_after_the_check(folder: Any) -> None:
    assert "4 jobs" in folder.bench("run", "plan.yaml", "--dry-run").stdout
    assert not folder.runs()
    assert folder.bench("runs", "--json").stdout.strip() == "[]"


def test_the_command_line_goes_over_the_plan(folder: Any) -> None:
    folder.write(ONE_CELL)
    done = folder.bench("run", "plan.yaml", "--repeats", "2", "--output", "elsewhere", "--quiet")
    assert done.returncode == 0
    assert "2 of 2 jobs" in " ".join(done.stdout.split())
    assert len(list((folder.path / "elsewhere").glob("*/report.html"))) == 1


@pytest.mark.parametrize(
    ("gate", "repeats", "code", "verdict"),
    [
        ("{metric: latency_ms, max: 1000}", "3", 0, "pass"),
        ("{metric: latency_ms, max: 0.00001}", "3", 10, "fail"),
        ("{metric: latency_ms, max: 1000}", "1", 12, "inconclusive"),
        ("{require: {cpu: 95%}}", "1", 0, "pass"),
        ("{require: {npu: 95%}}", "1", 10, "fail"),
    ],
)
def test_the_exit_code_answers_whether_the_gates_hold(
    folder: Any, gate: str, repeats: str, code: int, verdict: str
) -> None:
    folder.write(ONE_CELL + f"gates: [{gate}]\n")
    done = folder.bench("run", "plan.yaml", "--quiet", "--repeats", repeats)
    assert done.returncode == code, done.stdout
    (run,) = folder.runs()
    gates = json.loads((run / "results.json").read_text())["gates"]
    assert [found["verdict"] for found in gates] == [verdict]
    assert gates[0]["reason"]


def test_verdicts_baselines_and_history_are_there_afterwards(folder: Any) -> None:
    rules = "gates: [{metric: latency_ms, max: 1000}, {metric: latency_p50_ms, max_regression: 50%}]\n"
    two_cells = ONE_CELL.replace("[host-cpu-1t]", "[host-cpu-1t, host-cpu-1t-ios]")
    folder.write(two_cells + rules + "baseline: {min: 2}\n")
    assert folder.bench("run", "plan.yaml", "--quiet", "--repeats", "3").returncode == 0
    (run,) = folder.runs()
    judged = folder.bench("gate")
    assert judged.returncode == 0
    assert "no baseline yet" in " ".join(judged.stdout.split())
    again = json.loads(folder.bench("gate", run.name, "--json").stdout)
    results = json.loads((run / "results.json").read_text())
    assert (again["gates"], again["cells"]) == (results["gates"], results["cells"])
    assert {cell["sensitivity_reason"] for cell in again["cells"]} == {"no baseline yet: 0 of at least 2 sessions"}
    strict = folder.write((folder.path / "plan.yaml").read_text().replace("max: 1000", "max: 0.0001"), "strict.yaml")
    failed = folder.bench("gate", "--json", "--plan", strict.name, GITHUB_ACTIONS="true")
    assert failed.returncode == 10
    assert [gate["verdict"] for gate in json.loads(failed.stdout)["gates"]].count("fail") == 2
    assert [line.split(" title=")[0] for line in failed.stderr.splitlines()] == ["::error"] * 2
    assert folder.bench("baseline", "set", "golden", run.name).returncode == 0
    assert json.loads(folder.bench("baseline", "list", "--json").stdout) == {"golden": run.name}
    assert "tiny" in folder.bench("baseline", "show", "golden").stdout
    assert "2 cells" in folder.bench("baseline", "accept", run.name).stdout
    assert folder.bench("baseline", "remove", "golden").returncode == 0
    assert folder.bench("baseline", "remove", "golden").returncode == 2
    trends = json.loads(folder.bench("history", "--model", "tiny", "--json").stdout)
    assert [trend["cell"]["device"] for trend in trends] == ["host-cpu-1t", "host-cpu-1t-ios"]
    assert "tiny" in folder.bench("history").stdout


def test_whoever_reads_the_output_may_leave_and_the_exit_code_stays(folder: Any) -> None:
    folder.write(ONE_CELL.replace("repeats: 1", "repeats: 3") + "gates: [{metric: latency_p50_ms, max: 0.0001}]\n")
    for command, code in ((("run", "plan.yaml"), 10), (("runs",), 0), (("runs", "--json"), 130)):
        with folder.start(*command) as process:
            process.stdout.close()
            assert "bug" not in process.stderr.read()
        assert process.returncode == code, command
    (run,) = folder.runs()
    assert (run / "report.html").is_file()


def test_many_cells_are_listed_with_the_numbers_that_each_has_alone(folder: Any) -> None:
    cells = [Cell(model=f"m{number}", device="d") for number in range(9)]
    begin, dice = datetime(2026, 1, 1, tzinfo=UTC), random.Random(1)

    async def fill() -> None:
        async with open_journal(sqlite_url(folder.path / ".bench")) as journal:
            for night in range(40):
                values = {"latency_p50_ms": tuple(dice.uniform(9, 11) for _ in range(3))}
                values |= {"peak_memory_mb": (20.0, 20.0, 20.0)} if night < 10 else {}
                at = begin + timedelta(days=night)
                made = [Session(cell=cell, run_id=f"r{night:02}", at=at, planned=3, values=values) for cell in cells]
                regressed = cells[:1] if night >= 20 else ()
                await journal.baselines.record(made, project="p", open_regressions=regressed)

    asyncio.run(fill())
    for metric in ("latency_p50_ms", "peak_memory_mb"):  # the second is of old nights alone
        listed = folder.bench("history", "--metric", metric).stdout.splitlines()
        assert "9 cells: name fewer than 9" in listed[-1]
        for cell in ("m0", "m8"):
            (row,) = [line.split() for line in listed if line.split()[:1] == [cell]]
            alone = folder.bench("history", "--model", cell, "--metric", metric).stdout.splitlines()
            (same,) = [line.split() for line in alone if line.split()[:1] == [cell] and "of" not in line.split()]
            assert row == same
            assert row[5] == "40"


def test_a_run_elsewhere_is_judged_by_what_was_measured_here(folder: Any, tmp_path: Path) -> None:
    plan = ONE_CELL.replace("repeats: 1", "repeats: 3") + "gates: [{metric: latency_p50_ms, max_regression: 90%}]\n"
    folder.write(plan)
    assert folder.bench("run", "plan.yaml", "--quiet").returncode == 0
    (run,) = folder.runs()
    folder.bench("baseline", "set", "golden", run.name)
    assert "1 session" in folder.bench("baseline", "export", "kept.json", "--plan", "plan.yaml").stdout
    _add_nights(folder.path / "kept.json", 5)
    there = {"BENCH_HOME": str(tmp_path / "there")}
    assert "6 sessions, 1 name" in folder.bench("baseline", "import", "kept.json", **there).stdout
    folder.write(plan + "baseline: {pinned: golden}\n")
    done = folder.bench("run", "plan.yaml", "--quiet", "--output", "elsewhere", **there)
    (results,) = (folder.path / "elsewhere").glob("*/results.json")
    gates = {gate["rule"]: gate for gate in json.loads(results.read_text())["gates"]}
    gate = gates["at most 90% worse than the baseline"]
    assert gate["baseline_sessions"] == 6, done.stderr
    (session,) = {json.dumps(kept["session"]["values"]) for kept in _sessions(folder.path / "kept.json")}
    measured = json.loads(session)["latency_p50_ms"]
    assert min(measured) <= gate["baseline"] <= max(measured)


def _sessions(path: Path) -> list[Any]:
    return list(json.loads(path.read_text())["sessions"])


def _add_nights(path: Path, count: int) -> None:
    """Adds nights like the one that was measured."""
    exported = json.loads(path.read_text())
    (kept,) = exported["sessions"]
    for night in range(count):
        session = kept["session"] | {"run_id": f"2026010{night + 1}"}
        exported["sessions"].append(kept | {"session": session})
    path.write_text(json.dumps(exported))


def test_init_writes_a_plan_that_runs(folder: Any) -> None:
    assert folder.bench("init", "new").returncode == 0
    plan = folder.path / "new" / "plan.yaml"
    again = folder.bench("init", "new")
    assert (again.returncode, "already there" in again.stderr) == (2, True)
    text = plan.read_text()
    wanted = re.search(r"[\w./-]+\.(?:onnx|tflite)", text[text.index("models:") :])
    assert wanted
    plan.write_text(text.replace(wanted[0], "../small.onnx"))
    assert folder.bench("check", "new/plan.yaml").returncode == 0


def test_devices_are_this_computers_processors(folder: Any) -> None:
    found = json.loads(folder.bench("devices", "--json").stdout)
    assert {"host-cpu-1t", "host-cpu-1t-ios"} <= {device["name"] for device in found}
    assert all(device["name"].startswith("host-cpu-") for device in found)
    ios = json.loads(folder.bench("devices", "--platform", "IOS", "--limit", "1", "--json").stdout)
    assert [device["platform"] for device in ios] == ["IOS"]
    assert folder.bench("devices", "--os", ">=x").returncode == 2


def test_the_doctor_says_what_to_do(folder: Any) -> None:
    findings = json.loads(folder.bench("doctor", "--json", **EMPTY).stdout)
    hub = next(finding for finding in findings if finding["name"] == "hub")
    assert not hub["ok"]
    assert "EMBEDL_HUB_API_KEY" in hub["found"]
    assert "onnxruntime" in folder.bench("doctor", **EMPTY).stdout


def test_a_served_cloud_serves_a_plan_that_names_it_and_nothing_secret_is_left_behind(folder: Any, served: Any) -> None:
    address, key = served(), "served-key-123"
    done = folder.bench("run", "plan.yaml", "--cloud", address, "--verbose", EMBEDL_HUB_API_KEY=key)
    assert done.returncode == 0, done.stderr
    hub = folder.bench("devices", "--cloud", "hub", EMBEDL_HUB_API_KEY=key, EMBEDL_HUB_API_BASE_URL=address)
    assert hub.returncode == 0
    assert "host-cpu-1t" in hub.stdout
    left = {"stdout": done.stdout.encode(), "stderr": done.stderr.encode()}
    left |= {str(path): path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    for name, content in left.items():
        assert key.encode() not in content, name
        assert not re.search(rb"https?://[^\s\"']+\?[^\s\"']*(sig|signature|token|expires)[^\s\"']*=", content), name
    assert any("run.log" in name for name in left)
    assert any("history.db" in name for name in left)


def test_a_calibration_measures_each_model_against_itself(folder: Any) -> None:
    folder.write(ONE_CELL.replace("tiny.tflite", "small.onnx"))
    done = folder.bench("calibrate", "plan.yaml", "--sessions", "5", "--quiet", "--json")
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)
    assert [cell["device"] for cell in cells] == ["host-cpu-1t"]
    for cell in cells:
        assert cell["calibration"]["sessions"] == 5
        assert cell["calibration"]["tolerance"] >= 0.05
        assert cell["calibration"]["between_sessions"] >= 0
    (run,) = folder.runs()
    roles = [job["role"] for job in json.loads((run / "results.json").read_text())["jobs"]]
    assert Counter(roles) == {"candidate": 5, "control": 5}  # each session has the model itself beside it
