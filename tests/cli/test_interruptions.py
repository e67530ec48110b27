"""Ctrl-C, kill -9 and a cloud that dies: what was measured is kept, and resuming submits nothing twice."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

KEY = {"EMBEDL_HUB_API_KEY": "served-key-123"}


def submitted(cloud: Path) -> int:
    """How many jobs the cloud's own books hold."""
    with closing(sqlite3.connect(cloud / "cloud.db")) as connection:
        (count,) = connection.execute("select count(*) from jobs").fetchone()
    return int(count)


def wait_for_line(process: Any, word: str) -> None:
    """Reads the command's progress until a line holds the word."""
    for line in process.stderr:
        if word in line:
            return
    pytest.fail(f"{word!r} never came")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_once_it_can_be_resumed(folder: Any, served: Any, tmp_path: Path, number: signal.Signals) -> None:
    address = served()
    with folder.start("run", "plan.yaml", "--cloud", address, "--verbose", **KEY) as process:
        wait_for_line(process, "submitted")
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    (run,) = folder.runs()
    assert f"bench resume {run.name}" in err
    stopped = json.loads((run / "results.json").read_text())
    assert stopped["run"] | {"state": "interrupted", "exit_code": 130} == stopped["run"]
    assert len(stopped["jobs"]) == 4
    done = folder.bench("resume", "--quiet", **KEY)
    assert done.returncode == 0, done.stderr
    assert "4 of 4 jobs measured" in folder.shown("show")
    assert submitted(tmp_path / "cloud") == 4
    again = folder.bench("resume", run.name, **KEY)
    assert (again.returncode, "has ended" in again.stderr) == (0, True)


def test_the_local_cloud_goes_on_with_a_resumed_run_too(folder: Any) -> None:
    with folder.start("run", "plan.yaml", "--verbose") as process:
        wait_for_line(process, "RUNNING")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    done = folder.bench("resume", "--quiet")
    assert done.returncode == 0, done.stderr
    assert submitted(folder.path / ".bench" / "cloud") == 4


def test_a_run_sits_out_a_restart_of_its_database(
    folder: Any, served: Any, tmp_path: Path, postgres_server: Any, postgres_url: str
) -> None:
    environment = KEY | {"BENCH_DATABASE_URL": postgres_url}
    with folder.start("run", "plan.yaml", "--cloud", served(), "--verbose", **environment) as process:
        wait_for_line(process, "submitted")
        postgres_server.stop()
        postgres_server.ensure_postgres_running()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert submitted(tmp_path / "cloud") == 4
    (run,) = folder.runs()
    jobs = json.loads((run / "results.json").read_text())["jobs"]
    assert [job["outcome"] for job in jobs] == ["measured"] * 4


IMPATIENT = """\
import sys
from orchestrator.cli.main import main
from orchestrator.history.outage import PATIENCE_S
PATIENCE_S.set(0.5)
sys.exit(main())
"""


def test_an_outage_of_the_database_beyond_its_limit_leaves_a_run_that_can_be_resumed(
    folder: Any, served: Any, tmp_path: Path, postgres_server: Any, postgres_url: str
) -> None:
    plan = (folder.path / "plan.yaml").read_text().replace("[small.onnx, tiny.tflite]", "[small.onnx]")
    folder.write(plan)
    environment = KEY | {"BENCH_DATABASE_URL": postgres_url}
    with subprocess.Popen(
        [sys.executable, "-c", IMPATIENT, "run", "plan.yaml", "--cloud", served(), "--verbose"],
        cwd=folder.path,
        env=os.environ | environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for_line(process, "submitted")
        postgres_server.stop()
        try:
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
            postgres_server.ensure_postgres_running()
    (run,) = folder.runs()
    *_, way_out, reason = err.splitlines()
    assert process.returncode == 130, err
    assert way_out == f"run {run.name} is not finished; go on with: bench resume {run.name}"
    assert reason.startswith("error: the history database has not answered for 0 s: ")
    done = folder.bench("resume", "--quiet", **environment)
    assert done.returncode == 0, done.stderr
    assert submitted(tmp_path / "cloud") == 2


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_moments(folder: Any, served: Any, tmp_path: Path, seed: int) -> None:
    """Both the command and the cloud are killed, and started again, until the run is through."""
    dice = random.Random(seed)
    address = served()
    port = address.rsplit(":")[-1]
    plan = (folder.path / "plan.yaml").read_text().replace("100ms}", "50ms, reconcile: 15s}")
    folder.write(plan)
    command = ["run", "plan.yaml", "--cloud", address]
    for _ in range(4):
        with folder.start(*command, **KEY) as process:
            time.sleep(dice.uniform(1.0, 3.5))
            process.kill()
            process.communicate()
        if folder.runs():
            command = ["resume"]
        if dice.random() < 0.5:
            served.processes[-1].kill()
            served.processes[-1].wait()
            served(port)
    done = folder.bench(*command, **KEY)
    assert done.returncode == 0, done.stderr
    assert "4 of 4 jobs measured" in folder.shown("show")
    assert submitted(tmp_path / "cloud") == 4


def test_a_changed_model_is_named_and_nothing_goes_on(folder: Any, served: Any, tmp_path: Path) -> None:
    address = served()
    with folder.start("run", "plan.yaml", "--cloud", address, "--verbose", **KEY) as process:
        wait_for_line(process, "submitted")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    with (folder.path / "small.onnx").open("ab") as file:
        file.write(b"\0\0")
    before = submitted(tmp_path / "cloud")
    done = folder.bench("resume", **KEY)
    assert done.returncode == 2
    assert "small.onnx: has changed since the run began" in done.stderr
    assert submitted(tmp_path / "cloud") == before


def test_a_second_process_is_told_who_has_the_run(folder: Any, served: Any) -> None:
    one_cell = (folder.path / "plan.yaml").read_text().replace("small.onnx, ", "").replace(", host-cpu-1t-ios", "")
    folder.write(one_cell.replace("repeats: 1", "repeats: 6"))  # so that it still works when the second one looks
    with folder.start("run", "plan.yaml", "--cloud", served(), "--verbose", **KEY) as process:
        wait_for_line(process, "submitted")
        second = folder.bench("resume", **KEY)
        assert second.returncode == 2
        assert f"in use by process {process.pid}" in second.stderr
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_run_that_nobody_wants_can_be_cancelled(folder: Any, served: Any, tmp_path: Path) -> None:
    address = served()
    with folder.start("run", "plan.yaml", "--cloud", address, "--verbose", **KEY) as process:
        wait_for_line(process, "submitted")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    (run,) = folder.runs()
    assert folder.bench("cancel", run.name, **KEY).returncode == 0
    results = json.loads((run / "results.json").read_text())
    assert results["run"]["state"] == "completed"
    ended = {job["hub_run_id"]: job["failure"] for job in results["jobs"]}
    assert {failure["kind"] for failure in ended.values() if failure} == {"cancelled"}
    with closing(sqlite3.connect(tmp_path / "cloud" / "cloud.db")) as connection:
        statuses = dict(connection.execute("select id, status from runs"))
    assert "KILLED" in statuses.values()
    assert set(statuses.values()) <= {"KILLED", "FINISHED"}
    again = folder.bench("resume", run.name, **KEY)
    assert (again.returncode, "has ended" in again.stderr) == (11, True)


def test_stopped_twice_it_leaves_at_once(folder: Any, served: Any) -> None:
    """The first stop would wait for the answer to a request that is under way; the second does not."""
    address = served()
    with folder.start("run", "plan.yaml", "--cloud", address, "--verbose", **KEY) as process:
        wait_for_line(process, "submitted")
        served.processes[-1].send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        wait_for_line(process, "again to leave at once")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert time.monotonic() - began < 15
    assert process.returncode == 130
    served.processes[-1].send_signal(signal.SIGCONT)
    assert folder.bench("resume", "--quiet", **KEY).returncode == 0
