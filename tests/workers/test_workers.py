"""Workers as they are used: they share a run, take over from one another, and nothing is lost or done twice."""

import asyncio
import json
import re
import runpy
import shutil
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.run import RunState, new_run_id
from orchestrator.history.journal import open_journal
from orchestrator.localcloud.refusal import Refusal
from orchestrator.localcloud.tracking import Tracking

PLAN = """\
version: 1
name: far
cloud: {cloud}
models: [m.onnx]
devices: ["*"]
repeats: 4
limits: {{poll_interval: 100ms, in_flight: 4, per_device: 2, reconcile: 5s}}
"""
JOBS = 12


def begin(machines: Any, farm: Any, plan: str = PLAN, **terms: Any) -> tuple[Any, str]:
    """A cloud, and a detached run on it."""
    cloud = farm(**terms)
    done = machines.bench("laptop", "run", machines.plan(plan.format(cloud=cloud.base_url)), "--detach")
    assert done.returncode == 0, done.stderr
    return cloud, done.stdout.strip()


def check_once(
    machines: Any, cloud: Any, run_id: str, exit_code: int = 0, jobs: int = JOBS, *, killed: str = ""
) -> str:
    """The run ended, once; by the cloud's own books every job was submitted once and no result is lost.

    A machine that was `killed` may have left a run on the hub, empty, for each job that it was about to log: the
    protocol has no way to ask for one whose creation was not answered. What following the run said.
    """
    attached = machines.bench("desk", "attach", run_id)
    assert attached.returncode == exit_code, attached.stderr
    books = cloud.books()
    assert books["jobs"] == {"submitted": jobs, "over": jobs, "not_fetched": 0, "downloads_with_two_jobs": 0}
    left = left_at("logging", machines.log(killed)) if killed else 0
    assert jobs <= books["requests"]["POST api/projects/project/runs"] <= jobs + left
    machines.wait_for(lambda: len(machines.ended(run_id)) == 1)
    assert not [path for path in machines.folder.glob("*/log") if "lost from the queue" in path.read_text()]
    (ended,) = machines.ended(run_id)
    report = json.loads((machines.folder / ended / "reports" / run_id / "results.json").read_text())
    assert report["run"]["exit_code"] == exit_code
    assert [job["outcome"] for job in report["jobs"]] == ["measured"] * jobs
    return str(attached.stderr)


def left_at(state: str, log: str) -> int:
    """How many jobs a machine told last that they are in a state."""
    last = dict(re.findall(r" (\S+ on \S+ #\d+): (\w+)", log))
    return list(last.values()).count(state)


def most_at_once(spans: list[list[Any]]) -> int:
    """How many jobs the cloud had at the same time."""
    steps = sorted((at, step) for _, begin, end in spans for at, step in ((begin, 1), (end, -1)))
    return max(sum(step for _, step in steps[: place + 1]) for place in range(len(steps)))


def test_two_share_a_run_within_the_limits_of_both(machines: Any, farm: Any) -> None:
    for machine in ("one", "two"):
        machines.worker(machine, "--concurrency", "2")
    cloud, run_id = begin(machines, farm)
    attached = check_once(machines, cloud, run_id)
    assert f"run {run_id}: 12 jobs on 3 devices" in attached
    assert "[12/12]" in attached
    spans = cloud.books()["spans"]
    assert most_at_once(spans) <= 4
    for device in {span[0] for span in spans}:
        assert most_at_once([span for span in spans if span[0] == device]) <= 2
    assert all("submitted" in machines.log(machine) for machine in ("one", "two"))
    (listed,) = json.loads(machines.bench("desk", "runs", "--json").stdout)
    assert (listed["id"], listed["detached"], listed["state"]) == (run_id, True, "completed")
    assert machines.bench("desk", "report", run_id).returncode == 0
    raw = machines.folder / "desk" / "reports" / run_id / "artifacts"
    assert len(list(raw.rglob("onnxruntime-result.json"))) == JOBS
    assert "simulated-cloud-key" not in machines.log("one") + machines.log("two") + attached


def test_stopped_killed_and_without_a_database_nothing_is_lost_or_done_twice(
    machines: Any, farm: Any, bucket: str, restart_postgres: Any
) -> None:
    """One worker after the other goes in the middle of its jobs; their files are in a bucket."""
    machines.environment["BENCH_STORE_URL"] = bucket
    cloud, run_id = begin(machines, farm, run_s=(10.0, 20.0))
    first = machines.command("one")
    machines.wait_for(lambda: machines.log("one").count("submitted") >= 2)
    first.send_signal(signal.SIGTERM)
    second = machines.worker("two")
    assert first.wait(timeout=30) == 0
    machines.wait_for(lambda: "submitted" in machines.log("two"))
    assert "took over" not in machines.log("two")
    second.send_signal(signal.SIGKILL)
    third = machines.worker("three")
    machines.wait_for(lambda: "took over" in machines.log("three"))
    restart_postgres()
    if third.poll() is not None:  # as its supervisor would
        machines.worker("three")
    check_once(machines, cloud, run_id, killed="two")


KILLED = """
import os, signal
from orchestrator.cli import worker
from orchestrator.history.journal import Journal
async def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_between_the_verdicts_and_the_report_both_come_once(machines: Any, farm: Any) -> None:
    """One worker dies before any of the report is written, the next before it is written that the run has ended."""
    rules = "gates: [{{metric: latency_p50_ms, max: 0.001}}]\ngating: {{max_sessions: 1}}\n"
    plan = PLAN.replace("repeats: 4", "repeats: 3") + rules
    cloud, run_id = begin(machines, farm, plan, devices=1, run_s=(1.0, 2.0))
    soon = ("--takeover", "2")
    for machine, moment, is_there in (("one", "worker._publish = die", False), ("two", "Journal.end = die", True)):
        dying = machines.worker(machine, *soon, first=KILLED + moment)
        machines.wait_for(lambda dying=dying: dying.poll() is not None)
        assert dying.returncode == -signal.SIGKILL
        assert (machines.folder / machine / "reports" / run_id / "results.json").exists() is is_there
    machines.worker("three", *soon)
    check_once(machines, cloud, run_id, exit_code=10, jobs=3)
    assert machines.ended(run_id) == ["three"]
    report = json.loads((machines.folder / "three" / "reports" / run_id / "results.json").read_text())
    assert [gate["verdict"] for gate in report["gates"]] == ["fail"]
    again = json.loads(machines.bench("desk", "show", run_id, "--json").stdout)
    assert again["gates"] == report["gates"]

    async def sessions() -> list[int]:
        async with open_journal(machines.environment["BENCH_DATABASE_URL"]) as journal:
            return [len(found) for found in (await journal.baselines.of_run(run_id)).values()]

    assert asyncio.run(sessions()) == [1]


def test_a_run_that_could_not_be_logged_is_resumed_from_anywhere(
    machines: Any, local_cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise Refusal(422, "not today")

    machines.worker("one")
    with monkeypatch.context() as broken:
        broken.setattr(Tracking, "make_run", refuse)
        done = machines.bench("laptop", "run", machines.plan(PLAN.format(cloud=local_cloud.base_url)), "--detach")
        run_id = done.stdout.strip()
        attached = machines.bench("desk", "attach", run_id, "--quiet")
        assert attached.returncode == 4, attached.stderr
        assert f"run {run_id} is not finished; go on with: bench resume {run_id}" in attached.stderr
    resumed = machines.bench("elsewhere", "resume", run_id)
    assert (resumed.returncode, resumed.stdout.strip()) == (0, run_id)
    attached = machines.bench("desk", "attach", run_id, "--quiet")
    assert attached.returncode == 0, attached.stderr
    assert len(local_cloud.orders) == 4  # nothing was measured again
    report = json.loads((machines.folder / "one" / "reports" / run_id / "results.json").read_text())
    assert len({job["hub_run_id"] for job in report["jobs"]} - {""}) == 4


def test_a_run_that_nobody_wants_is_cancelled_and_reported_by_the_workers(machines: Any, farm: Any) -> None:
    cloud, run_id = begin(machines, farm, run_s=(10.0, 20.0))
    machines.worker("one")
    machines.wait_for(lambda: "submitted" in machines.log("one"))
    assert machines.bench("laptop", "cancel", run_id).returncode == 0
    attached = machines.bench("desk", "attach", run_id, "--quiet")
    assert attached.returncode == 11, attached.stderr
    submitted = cloud.books()["jobs"]["submitted"]
    assert submitted < JOBS
    assert machines.bench("desk", "resume", run_id).returncode == 11
    assert cloud.books()["jobs"]["submitted"] == submitted


@pytest.mark.parametrize(
    ("change", "arguments", "words"),
    [
        ({}, [], "bench cloud serve"),
        ({"BENCH_DATABASE_URL": ""}, ["--cloud", "http://127.0.0.1:9"], "BENCH_DATABASE_URL=postgresql"),
        ({"BENCH_STORE_URL": ""}, ["--cloud", "http://127.0.0.1:9"], "need BENCH_STORE_URL"),
    ],
)
def test_what_workers_cannot_reach_is_refused_before_anything_happens(
    machines: Any, farm: Any, change: dict[str, str], arguments: list[str], words: str
) -> None:
    machines.environment |= change
    plan = machines.plan(PLAN.format(cloud="local"))
    done = machines.bench("laptop", "run", plan, "--detach", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_worker_without_a_shared_database_is_refused_in_one_sentence(machines: Any) -> None:
    machines.environment["BENCH_DATABASE_URL"] = ""
    done = machines.bench("one", "worker")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "BENCH_DATABASE_URL=postgresql" in done.stderr


def test_a_worker_whose_key_is_missing_says_so_and_ends(machines: Any, farm: Any) -> None:
    begin(machines, farm)
    machines.environment["EMBEDL_HUB_API_KEY"] = ""
    done = machines.bench("one", "worker")
    assert done.returncode == 2
    assert "needs EMBEDL_HUB_API_KEY" in done.stderr


GATED = PLAN.replace("repeats: 4", "repeats: 3") + (
    "baseline: {{control: never}}\ngates: [{{metric: latency_p50_ms, max_regression: 5%}}]\n"
)


def test_a_suspicious_cell_gets_its_further_sessions_before_the_run_ends(machines: Any, farm: Any) -> None:
    """A past of equal nights is written from one real night; then the model becomes slower."""
    machines.worker("one")
    cloud, first = begin(machines, farm, GATED, devices=1, world="quiet NPU", time_scale=0.02)
    machines.bench("desk", "attach", first, "--quiet")
    asyncio.run(repeat_night(machines.environment["BENCH_DATABASE_URL"], first, 9))
    farm.write(slower=1.5)
    done = machines.bench("laptop", "run", str(machines.folder / "plan.yaml"), "--detach")
    second = done.stdout.strip()
    attached = machines.bench("desk", "attach", second)
    assert attached.returncode == 10, attached.stderr
    assert "3 jobs more, to decide 1 cell" in attached.stderr or "1 job more" in attached.stderr
    assert machines.ended(second) == ["one"]
    assert cloud.books()["jobs"]["submitted"] >= 9


async def repeat_night(url: str, run_id: str, times: int) -> None:
    """Writes that many completed runs like that one, a day apart before it."""
    async with open_journal(url) as journal:
        entry = await journal.run(run_id)
        (session,) = (await journal.baselines.of_run(run_id))[entry.cells[0]]
        for nights in range(1, times + 1):
            at = entry.run.started_at - timedelta(days=nights)
            run = replace(entry.run, id=new_run_id(at), started_at=at, detached=False)
            await journal.begin(replace(entry, run=replace(run, state=RunState.RUNNING)))
            past = replace(session, run_id=run.id, at=at)
            await journal.baselines.record([past], project=entry.plan.project, open_regressions=set())
            await journal.end(run, entry.gates)


def test_a_quota_holds_all_workers_and_every_job_gets_in(machines: Any, local_cloud: Any) -> None:
    """The local cloud takes two unfinished jobs at a time; the run would have four there."""
    plan = PLAN.format(cloud=local_cloud.base_url).replace("per_device: 2", "per_device: 4")
    for machine in ("one", "two"):
        machines.worker(machine)
    local_cloud.going.clear()
    done = machines.bench("laptop", "run", machines.plan(plan), "--detach")
    machines.wait_for(lambda: "waiting for the cloud's job quota" in machines.log("one") + machines.log("two"))
    local_cloud.going.set()
    attached = machines.bench("desk", "attach", done.stdout.strip())
    assert attached.returncode == 0, attached.stderr
    assert len(local_cloud.orders) == 4


def test_a_schedule_leaves_its_runs_to_workers_and_begins_none_beside_them(machines: Any, farm: Any) -> None:
    plan = machines.plan(PLAN.format(cloud=farm().base_url) + 'schedule: {cron: "* * * * *"}\n')
    for _ in range(2):
        done = machines.bench("night", "schedule", plan, "--once", "--detach")
        assert done.returncode == 0, done.stderr
    (run,) = json.loads(machines.bench("desk", "runs", "--json").stdout)
    assert (run["detached"], run["notify"], run["state"]) == (True, True, "running")
    assert (run["jobs_done"], run["jobs"]) == (0, JOBS)
    assert run["tick"] is not None
    with pytest.raises(pytest.fail.Exception, match=r"attach has not ended after 1 s; it printed:\nrun .*: 12 jobs"):
        machines.bench("desk", "attach", within_s=1)  # nobody works for it


CONVERTING = """\
version: 1
name: converted
cloud: {cloud}
models: [{{path: small.onnx, format: tflite, inputs: {{image: [1, 3, 12, 8], ids: [1, 4]}}}}]
devices: ["*"]
repeats: 4
limits: {{poll_interval: 100ms, in_flight: 4, per_device: 4}}
"""


def test_workers_measure_what_was_converted_elsewhere_and_log_the_conversion_once(
    machines: Any, local_cloud: Any
) -> None:
    stub = runpy.run_path(str(Path(__file__).parents[1] / "conversion" / "stub_tool.py"))
    (machines.folder / "small.onnx").write_bytes(stub["SMALL"].read_bytes())
    machines.environment["BENCH_ONNX2TF"] = str(stub["write_tool"](machines.folder / "converter" / "onnx2tf"))
    begun = machines.bench("laptop", "run", machines.plan(CONVERTING.format(cloud=local_cloud.base_url)), "--detach")
    assert begun.returncode == 0, begun.stderr
    shutil.rmtree(machines.folder / "laptop")
    machines.worker("a")
    machines.worker("b")
    attached = machines.bench("desk", "attach", begun.stdout.strip())
    assert attached.returncode == 0, attached.stderr
    assert [order.model_path.name for order in local_cloud.orders] == ["model.tflite"] * 4
    with closing(sqlite3.connect(machines.folder / "cloud" / "cloud.db")) as books:
        found = books.execute("select type, status, id, parent_run_id from runs").fetchall()
    (compiled,) = [run for run in found if run[0] == "COMPILE"]
    assert compiled[1] == "FINISHED"
    profiles = [run for run in found if run[0] == "PROFILE"]
    assert [(status, parent) for _, status, _, parent in profiles] == [("FINISHED", compiled[2])] * 4
