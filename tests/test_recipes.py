"""The recipes are what they say: each command of theirs is one of the program's, and their shell runs for real.

What the services themselves make of the files (GitHub, GitLab, a cluster) has to be seen there.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from orchestrator.cli.main import bench
from orchestrator.cli.night_desk import tell

ROOT = Path(__file__).parent.parent
RECIPES = ROOT / "benchmarks" / "recipes"
FILES = sorted(path for path in RECIPES.iterdir() if path.name != "README.md")
BENCH = Path(sys.executable).with_name("bench")
PLAN = """\
version: 1
name: night
models: [tiny.tflite]
devices: [host-cpu-1t]
params: {num_runs: 5, warmup_runs: 1, min_secs: 0.02, max_secs: 0.2}
repeats: 3
limits: {poll_interval: 100ms}
gates: [{metric: latency_ms, max: 0.00001}]
gating: {max_sessions: 1}
schedule: {cron: "MINUTE HOUR * * *"}
"""


def read_yaml(name: str) -> Any:
    """The file; GitHub's `on` is a word there, not a truth."""
    return yaml.load((RECIPES / name).read_text(), Loader=yaml.BaseLoader)


def commands(text: str) -> list[list[str]]:
    """The arguments of each call of bench, up to what ends a command in a shell."""
    called = re.findall(r"^[^#\n]*?(?<![\w/'.-])(?:[/\w.]*bin/)?bench ((?!-)[a-z][^>|&;\n]*)", text, re.MULTILINE)
    return [shlex.split(arguments) for arguments in called]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_command_is_one_that_the_program_takes(path: Path) -> None:
    text = re.sub(r"\[bench, (.*)\]", lambda match: "bench " + match[1].replace(",", ""), path.read_text())
    found = commands(text)
    assert found or path.suffix == ".timer"
    for arguments in found:
        name, command, rest = bench.resolve_command(click.Context(bench), arguments)
        assert command is not None
        command.make_context(name, rest)


def test_the_readme_names_every_recipe() -> None:
    named = set(re.findall(r"\[[^]]+\]\(([^)]+)\)", (RECIPES / "README.md").read_text()))
    assert named == {path.name for path in FILES}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with the plans that the recipes speak of; bench is on the path of what runs there."""
    shutil.copy(ROOT / "benchmarks" / "models" / "tiny.tflite", tmp_path)
    due = datetime.now(UTC) - timedelta(minutes=20)  # one time is due, however long the test takes
    plan = PLAN.replace("MINUTE HOUR", f"{due.minute} {due.hour}")
    for name in ("nightly.yaml", "release_gate.yaml", "release.yaml"):
        (tmp_path / name).write_text(plan.replace("night", Path(name).stem))
    return tmp_path


def shell(script: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    path = f"{BENCH.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-ec", script],
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("name", ["github-nightly.yml", "github-release-gate.yml"])
def test_a_workflow_is_whole_and_cautious(name: str) -> None:
    workflow = read_yaml(name)
    assert workflow["permissions"] == {"contents": "read"}
    assert {"on", "jobs", "concurrency"} <= set(workflow)
    for job in workflow["jobs"].values():
        assert int(job["timeout-minutes"]) < 360
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert re.fullmatch(r"[\w-]+/[\w-]+(/[\w-]+)?@v\d+", step.get("uses", "a/b@v1"))
        uploads = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
        assert [step["if"] for step in uploads] == ["always()"]


def test_a_pull_request_that_must_not_ship_is_red_annotated_and_summarised(folder: Path) -> None:
    assert shell("bench baseline export baseline.json.gz", folder).returncode == 0  # of no nights yet
    summary = folder / "step_summary.md"
    (job,) = read_yaml("github-release-gate.yml")["jobs"].values()
    scripts = [step["run"] for step in job["steps"] if "run" in step and not step["run"].startswith("pip ")]
    steps = [shell(script, folder, GITHUB_STEP_SUMMARY=str(summary), GITHUB_ACTIONS="true") for script in scripts]
    assert [step.returncode for step in steps] == [0, 10, 0]
    said = steps[1].stderr + summary.read_text()
    assert re.search(r"^::error .*latency_ms", said, re.MULTILINE)
    assert "## ✕ FAIL: release\\_gate" in said
    assert list(folder.glob("reports/*/report.html"))
    assert list(folder.glob("reports/*/junit.xml"))


def test_annotations_reach_github_through_the_scheduler_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tell("night", "::error title=gate::slow")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    tell("night", "::error title=gate::slow")
    outside, inside = capsys.readouterr().err.splitlines()
    assert outside.endswith("Z night: ::error title=gate::slow")
    assert inside == "::error title=gate::slow"


def test_gitlab_keeps_the_reports_and_reads_the_cases_whatever_comes_out() -> None:
    jobs = read_yaml("gitlab-ci.yml")
    shared = jobs.pop(".bench")
    assert shared["artifacts"]["reports"]["junit"] == "reports/*/junit.xml"
    assert shared["artifacts"]["when"] == "always"
    for job in jobs.values():
        assert job["extends"] == ".bench"
        assert {"rules", "script"} <= set(job)


def test_crons_lines_run_what_is_due_and_keep_a_log(folder: Path) -> None:
    lines = [line for line in (RECIPES / "crontab").read_text().splitlines() if not line.startswith(("#", "SHELL"))]
    assert [line.split("  ")[0].strip() for line in lines] == ["0 * * * *", "@reboot"]
    (folder / "environment").write_text("export BENCH_REPORT_URL=https://lab.example\n")
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "bench").symlink_to(BENCH)
    for line in lines:
        shell(line[line.index("cd ") :].replace("/srv/bench", str(folder)), folder)
    log = (folder / "bench.log").read_text()
    assert log.count("starting for") == 1
    assert log.count("nothing is due") == 1


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_finds_nothing_wrong_with_the_units(folder: Path) -> None:
    names = [path.name for path in FILES if path.suffix in (".service", ".timer")]
    for name in names:
        text = (RECIPES / name).read_text().replace("/srv/bench/.venv/bin/bench", str(BENCH))
        (folder / name).write_text(text.replace("/srv/bench", str(folder)))
    done = subprocess.run(["systemd-analyze", "verify", *names], cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_lost_pod_is_started_again_and_a_verdict_is_not() -> None:
    job = read_yaml("kubernetes-cronjob.yaml")
    assert (job["apiVersion"], job["kind"], job["spec"]["concurrencyPolicy"]) == ("batch/v1", "CronJob", "Forbid")
    template = job["spec"]["jobTemplate"]["spec"]
    (rule,) = template["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob"
    assert {int(code) for code in rule["onExitCodes"]["values"]} == {2, 4, 10, 11, 12, 70}
    pod = template["template"]["spec"]
    (container,) = pod["containers"]
    assert (pod["restartPolicy"], container["name"]) == ("Never", rule["onExitCodes"]["containerName"])
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
