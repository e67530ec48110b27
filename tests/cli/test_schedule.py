"""`bench schedule` as somebody runs it: in a process of its own, with the local cloud."""

import json
import os
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

PLAN = """\
version: 1
name: night
models: [tiny.tflite]
devices: [host-cpu-1t]
params: {num_runs: 5, warmup_runs: 1, min_secs: 0.02, max_secs: 0.2}
repeats: 1
limits: {poll_interval: 100ms}
schedule: {cron: "* * * * *", timezone: Europe/Stockholm}
"""
SLOW = PLAN.replace("repeats: 1", "repeats: 4").replace("min_secs: 0.02, max_secs: 0.2", "min_secs: 0.5, max_secs: 1")
YEARLY = PLAN.replace("* * * * *", "0 2 1 1 *")


def lines_until(process: "subprocess.Popen[str]", words: str) -> str:
    """What the scheduler logs up to the line with these words."""
    assert process.stderr
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return said
    pytest.fail(f"{words!r} never came:\n{said}")


def results(folder: Any, number: int) -> Any:
    return json.loads((folder.runs()[number] / "results.json").read_text())


def test_a_time_missed_is_run_late_and_once_with_the_last_good_plan(folder: Any) -> None:
    folder.write(YEARLY)
    assert "nothing is due; next " in folder.bench("schedule", "plan.yaml", "--once").stderr
    folder.write("version: 1\nmodles: []\n")
    late = ("run", "plan.yaml", "--tick", "2026-01-01T02:00+01:00", "--quiet")
    done = folder.bench(*late)
    assert done.returncode == 0, done.stderr
    run = results(folder, 0)["run"]
    assert datetime.fromisoformat(run["tick"]) == datetime(2026, 1, 1, 1, tzinfo=UTC)
    again = folder.bench(*late)
    assert (again.returncode, f"already, as run {run['id']}" in again.stderr) == (2, True)
    assert len(folder.runs()) == 1
    shown = folder.shown("show")
    assert "scheduled for 2026-01-01 02:00 CET, begun" in shown
    assert "its last good text was used: plan.yaml:1:1" in shown or "plan.yaml:2:1" in shown


def test_stopped_it_ends_well_and_the_next_start_goes_on(folder: Any) -> None:
    folder.write(SLOW)
    with folder.start("schedule", "plan.yaml") as process:
        lines_until(process, "starting for")
        wait_for_a_run(folder)
        process.send_signal(signal.SIGTERM)
        said = lines_until(process, "stopped; the next start goes on with it")
        process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert results(folder, 0)["run"]["state"] == "interrupted"
    folder.write(YEARLY)
    done = folder.bench("schedule", "plan.yaml", "--once")
    assert done.returncode == 0, done.stderr
    assert f"going on with run {folder.runs()[0].name}" in done.stderr
    assert "ended: MEASURED (exit code 0)" in done.stderr
    assert results(folder, 0)["run"]["state"] == "completed"
    assert len(folder.runs()) == 1


def test_a_scheduler_that_was_killed_loses_nothing_and_doubles_nothing(folder: Any) -> None:
    folder.write(SLOW)
    with folder.start("schedule", "plan.yaml") as process:
        lines_until(process, "starting for")
        (run,) = wait_for_a_run(folder)
        process.kill()
        process.communicate(timeout=60)
    second = folder.bench("schedule", "plan.yaml", "--once")
    assert second.returncode == 0
    assert f"another process still works on run {run.name}" in second.stderr
    holder = int((folder.path / ".bench" / "locks" / f"{run.name}.lock").read_text().split()[1])
    os.kill(holder, signal.SIGTERM)


def wait_for_a_run(folder: Any) -> list[Path]:
    """The run's folder, once its log shows a job under way."""
    for _ in range(300):
        if any("submitted" in (run / "run.log").read_text() for run in folder.runs() if (run / "run.log").is_file()):
            return list(folder.runs())
        time.sleep(0.1)
    pytest.fail("no run has begun")


def test_the_next_times_are_shown_with_their_zone(folder: Any) -> None:
    folder.write(YEARLY)
    (plan,) = json.loads(folder.bench("schedule", "plan.yaml", "--list", "--json").stdout)
    assert (plan["plan"], plan["timezone"]) == ("night", "Europe/Stockholm")
    assert all(time[4:] == "-01-01T02:00:00+01:00" for time in plan["next"])
    assert "02:00 CET" in folder.shown("schedule", "plan.yaml", "--list")


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        (PLAN.split("schedule:")[0], [], "plan.yaml: the plan has no 'schedule'"),
        (PLAN.replace("* * * * *", "61 * * * *"), [], "plan.yaml:8:18"),
        (PLAN, ["--grace", "1y"], "expected a duration"),
        (PLAN, ["other.yaml"], "2 of the plans are called 'night'"),
    ],
)
def test_a_mistake_is_told_before_anything_is_run(folder: Any, text: str, arguments: list[str], said: str) -> None:
    folder.write(text)
    folder.write(PLAN, "other.yaml")
    done = folder.bench("schedule", "plan.yaml", "--once", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert not folder.runs()
