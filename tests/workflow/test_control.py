"""Old models run again beside new ones, through a real cloud whose device is as fast as the model's file says."""

import asyncio
import csv
import hashlib
import html
import io
import json
import random
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.device import DeviceSelector
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.plan import BaselinePolicy, GateRule
from orchestrator.domain.report import GateResult, Report
from orchestrator.history.journal import Journal, open_journal
from orchestrator.history.store import open_store
from orchestrator.inputs.model_file import model_sha256
from orchestrator.presentation.json_report import load_report
from orchestrator.presentation.write import rendered
from orchestrator.workflow.benchmark import benchmark
from orchestrator.workflow.evidence import gather_evidence
from orchestrator.workflow.kept_models import KeptModels
from orchestrator.workflow.old_models import beside_itself, needs_old_models, with_old_models
from orchestrator.workflow.pace import Pace
from orchestrator.workflow.reports import judge_again

RULE = GateRule(metric="latency_p50_ms", max_regression=0.05)
PAIRS = 8


@dataclass
class Lab:
    """A world whose one device runs a model as fast as its file says, give or take half a percent."""

    world: Any
    result_bytes: Any

    def __post_init__(self) -> None:
        self.dice = random.Random(1)
        self.world.devices.answer = self.answer

    def answer(self, number: int, order: Any) -> dict[str, bytes]:
        """The result of a job, by the model that came with it."""
        speed = float(order.model_path.read_bytes().split()[0])
        value = round(speed * (1 + abs(self.dice.gauss(0, 0.005))), 6)
        clock = dict.fromkeys(("mean", "p50", "p90", "p95", "min", "max"), value) | {"n": 60, "std": 0.0}
        return {"onnxruntime-result.json": self.result_bytes(samples_ms=[value] * 60, wall_clock=clock)}

    @property
    def home(self) -> Path:
        return Path(self.world.database_url.removeprefix("sqlite+aiosqlite:///")).parent

    def entry(self, text: str, control: str, **plan: Any) -> RunEntry:
        """A run of the model with that file, not journalled yet."""
        (model,) = self.world.models
        model.path.write_text(text)
        model = replace(model, sha256=model_sha256(model.path), size_bytes=model.path.stat().st_size)
        plan = {"gates": (RULE,), "repeats": 1, "devices": (DeviceSelector(name="host-cpu-1t"),)} | plan
        return replace(self.world.entry(baseline=BaselinePolicy(control=control), **plan), models=(model,))

    def begin(self, text: str, control: str = "auto", **plan: Any) -> RunEntry:
        """Journals a run as `bench run` does."""

        entry = self.entry(text, control, **plan)

        async def write(journal: Journal) -> RunEntry:
            begun = await with_old_models(entry, journal, await self.kept()) if needs_old_models(entry.plan) else entry
            await journal.begin(begun)
            return begun

        return self.ask(write)

    def run(self, text: str, control: str = "auto", **plan: Any) -> Report:
        """A whole run."""
        self.world.begun = entry = self.begin(text, control, **plan)
        return self.world.carry_on(entry)

    async def kept(self) -> KeptModels:
        """The models in the store."""
        return KeptModels(await open_store(str(self.home / "store"), {}), self.home / "models")

    def calibrate(self, text: str) -> None:
        """As many sessions of a model beside itself as tell the noise."""
        planned = self.entry(text, "auto", gates=())

        async def drive(journal: Journal) -> None:
            entry = await beside_itself(planned, await self.kept(), sessions=PAIRS)
            await journal.begin(entry)
            async with self.world.open_cloud() as cloud:
                await benchmark(entry, cloud, journal, self.world.events.append, Pace())

        self.ask(drive)

    def ask(self, question: Callable[[Journal], Any]) -> Any:
        async def inside() -> Any:
            async with open_journal(self.world.database_url) as journal:
                return await question(journal)

        return asyncio.run(inside())


@pytest.fixture(scope="module")
def calibrated(make_world: Any, result_bytes: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder after a calibration, and a run that was accepted and so has an old model."""
    with make_world(tmp_path_factory.mktemp("calibrated")) as world:
        lab = Lab(world, result_bytes)
        lab.calibrate("10.0 old")
        lab.run("10.0 old")
        return lab.home


@pytest.fixture
def lab(world: Any, result_bytes: Any, calibrated: Path) -> Lab:
    """A lab with that past."""
    made = Lab(world, result_bytes)
    shutil.copytree(calibrated, made.home, dirs_exist_ok=True)
    return made


def gate_of(report: Report) -> GateResult:
    return next(gate for gate in report.gates if gate.rule.startswith("at most"))


def roles(report: Report) -> Counter[str]:
    return Counter(job.key.role for job in report.jobs)


def test_a_calibration_is_told_by_pairs_in_turn(lab: Lab) -> None:
    async def look(journal: Journal) -> Any:
        run = (await journal.runs())[-1]
        entry, jobs = await journal.run(run.id), await journal.jobs(run.id)
        later = replace(entry, run=replace(entry.run, id="9"))
        evidence = await gather_evidence(later, [], journal.baselines)
        return jobs, await journal.baselines.pairs.of_run(run.id), evidence[entry.cells[0]]

    jobs, pairs, evidence = lab.ask(look)
    turns = [job.key.role[:4] for job in jobs]
    assert turns == ["cand", "cont", "cont", "cand"] * (PAIRS // 2)
    assert evidence.pairs == pairs[evidence.pairs[0][0].cell]
    assert len(evidence.pairs) == PAIRS
    assert all(side.jobs("latency_p50_ms") for pair in evidence.pairs for side in pair)
    assert len(evidence.baseline) == PAIRS + 1  # and none of the old model's sessions


def test_a_slower_model_fails_beside_the_old_one(lab: Lab, hub: Any) -> None:
    report = lab.run("12.0 new", "always")
    gate = gate_of(report)
    assert (gate.verdict, report.run.exit_code) == ("fail", 10), gate.reason
    old = hashlib.sha256(b"10.0 old").hexdigest()
    assert f"worse than the old model (sha256 {old[:12]}, run " in gate.reason
    assert gate.change == pytest.approx(0.2, abs=0.03)
    assert roles(report) == {"candidate": 2, "control": 2}
    assert report.counts == {"planned": 4, "measured": 4, "failed": 0, "skipped": 0}
    (cell,) = report.cells
    assert (cell.measured, cell.planned) == (2, 2)
    assert cell.metrics["latency_p50_ms"].summary.low >= 12.0
    assert [found.beside for found in cell.sessions] == [pytest.approx(10.0, rel=0.03)] * 2
    written = json.loads(rendered(report, "json", lab.home))
    assert {(job["role"], job["model_sha256"]) for job in written["jobs"]} == {
        ("candidate", report.models[0].sha256),
        ("control", old),
    }
    (csv_row,) = csv.DictReader(io.StringIO(rendered(report, "csv", lab.home)))
    assert [float(value) for value in csv_row["control_sessions"].split()] == [found.beside for found in cell.sessions]
    for form in ("html", "md", "junit", "text"):
        assert "the old model beside it 10" in rendered(report, form, lab.home), form
    (lab.home / "results.json").write_text(json.dumps(written))
    read = load_report(lab.home / "results.json")
    assert [(job.key, job.model_sha256) for job in read.jobs] == [(job.key, job.model_sha256) for job in report.jobs]
    assert read.cells == report.cells
    tags = [hub.tags(job.hub_run_id) for job in report.jobs]
    assert Counter((tag["role"], tag["model_sha256"]) for tag in tags) == {
        ("candidate", report.models[0].sha256): 2,
        ("control", old): 2,
    }
    again = lab.ask(lambda journal: _again(journal, report.run.id))
    assert (again.gates, again.run.exit_code) == (report.gates, 10)


async def _again(journal: Journal, run_id: str) -> Report:
    entry = await journal.run(run_id)
    return await judge_again(entry, journal, entry.plan)


def test_an_unchanged_model_passes_beside_itself_and_adds_to_what_is_known(lab: Lab) -> None:
    report = lab.run("10.0 old", "always")
    assert (gate_of(report).verdict, report.run.exit_code) == ("pass", 0), gate_of(report).reason
    assert roles(report)["candidate"] == roles(report)["control"] > 0
    pairs = lab.ask(lambda journal: journal.baselines.pairs.of_run(report.run.id))
    assert [len(found) for found in pairs.values()] == [roles(report)["control"]]


@pytest.mark.parametrize(("text", "verdict"), [("10.01 new", "pass"), ("12.0 new", "fail")])
def test_in_another_context_the_old_model_tells(lab: Lab, text: str, verdict: str) -> None:
    report = lab.run(text, params={"num_threads": "2"})
    gate = gate_of(report)
    assert gate.verdict == verdict, gate.reason
    assert roles(report)["control"] == gate.sessions
    assert min(job.key.repeat for job in report.jobs if job.key.control) == 2
    assert (lab.home / "store" / "models" / report.models[0].sha256 / "m.onnx").read_text() == text


def test_the_same_file_in_another_context_is_not_worth_device_minutes(lab: Lab) -> None:
    report = lab.run("10.0 old", params={"num_threads": "2"})
    gate = gate_of(report)
    assert (gate.verdict, gate.cause) == ("warn", "no_baseline")
    assert gate.reason.endswith("the old model is the same file, which beside itself would show nothing")
    assert roles(report) == {"candidate": 1}


@pytest.mark.parametrize("harm", ["removed", "damaged"])
def test_an_old_model_that_is_lost_leaves_open_what_the_plan_insists_on(lab: Lab, harm: str) -> None:
    (file,) = (lab.home / "store").rglob("m.onnx")
    file.unlink() if harm == "removed" else file.write_bytes(b"11.0 old")
    report = lab.run("10.0 new", "always")
    gate = gate_of(report)
    assert (gate.verdict, gate.cause, report.run.exit_code) == ("inconclusive", "missing", 12)
    words = {"removed": "is not in the store (any more)", "damaged": "is damaged: it is not what was put there"}
    assert words[harm] in gate.reason
    assert roles(report) == {"candidate": 1}


def test_a_job_of_the_old_model_that_fails_is_missing(lab: Lab, error_result: Any) -> None:
    good = lab.answer

    def answer(number: int, order: Any) -> dict[str, bytes]:
        return error_result("crash") if order.model_path.read_text() == "10.0 old" else good(number, order)

    lab.world.devices.answer = answer
    report = lab.run("10.0 new", "always")
    assert (gate_of(report).verdict, report.run.exit_code) == ("inconclusive", 11)
    assert "beside it: job #1 has no result" in gate_of(report).reason
    for form in ("html", "md", "junit", "text", "csv"):
        assert "(control)" in html.unescape(rendered(report, form, lab.home)).replace("\\", ""), form
    (cell,) = report.cells
    assert (cell.measured, cell.planned) == (1, 1)


def test_killed_in_the_middle_it_goes_on_and_submits_nothing_twice(lab: Lab, hub: Any, dying: Any) -> None:
    entry = lab.begin("12.0 new", "always")
    dice = random.Random(7)
    kills = [dying(lab.world, entry, dice.randint(4, 20), dice.choice(["before", "after"])) for _ in range(2)]
    assert kills == [-signal.SIGKILL] * 2
    report = lab.world.carry_on(entry)
    assert (gate_of(report).verdict, report.run.exit_code) == ("fail", 10)
    assert report.counts["measured"] == len(hub.jobs()) == len(lab.world.devices.orders) == 4
