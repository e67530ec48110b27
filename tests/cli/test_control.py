"""The old model beside the new one, by the real command on this computer's processor."""

import asyncio
import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from orchestrator.domain.session import Session
from orchestrator.history.database import sqlite_url
from orchestrator.history.journal import open_journal

PLAN = """\
version: 1
name: control
models: [m.onnx]
devices: [host-cpu-1t]
params: {num_runs: 9, warmup_runs: 1, min_secs: 0.02, max_secs: 0.2}
repeats: 1
limits: {poll_interval: 100ms}
baseline: {control: always}
gates: [{metric: latency_p50_ms, max_regression: 100%}]
"""


def model_of(layers: int) -> onnx.ModelProto:
    """A network that takes about as many milliseconds as it has layers."""
    weights = numpy_helper.from_array(np.full((32, 32, 3, 3), 0.01, np.float32), "w")
    names = ["x", *(f"y{layer}" for layer in range(layers))]
    nodes = [helper.make_node("Conv", [before, "w"], [after], pads=[1, 1, 1, 1]) for before, after in pairwise(names)]
    shape = [1, 32, 48, 48]
    inputs, outputs = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in (names[0], names[-1]))
    graph = helper.make_graph(nodes, "m", [inputs], [outputs], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def know_the_device(folder: Any) -> None:
    """Pairs of equals that differ by a few percent, as a calibration leaves them, made of the session there is."""

    async def write() -> None:
        async with open_journal(sqlite_url(folder.path / ".bench")) as journal:
            (run,) = await journal.runs()
            ((session,),) = (await journal.baselines.of_run(run.id)).values()
            pairs = [(_off_by(session, place, 0.01 * place), _off_by(session, place, 0)) for place in range(1, 9)]
            await journal.baselines.pairs.record(pairs, project=run.project)

    asyncio.run(write())


def _off_by(session: Session, number: int, fraction: float) -> Session:
    values = {name: tuple(value * (1 + fraction) for value in jobs) for name, jobs in session.values.items()}
    return replace(session, number=number, values=values)


def test_a_slower_file_at_the_same_path_fails_and_the_same_does_not(folder: Any) -> None:
    folder.write(PLAN)
    onnx.save(model_of(1), folder.path / "m.onnx")
    assert folder.bench("run", "plan.yaml", "--quiet").returncode == 0
    know_the_device(folder)
    same = folder.bench("run", "plan.yaml", "--quiet")
    assert same.returncode == 0, same.stdout
    onnx.save(model_of(12), folder.path / "m.onnx")
    slower = folder.bench("run", "plan.yaml", "--quiet")
    assert slower.returncode == 10, slower.stdout
    results = json.loads((folder.runs()[-1] / "results.json").read_text())
    (gate,) = [gate for gate in results["gates"] if gate["rule"].startswith("at most")]
    assert gate["verdict"] == "fail"
    assert gate["change"] > 1
    assert "worse than the old model (sha256 " in gate["reason"]
    assert [job["role"] for job in results["jobs"]] == ["candidate", "control", "control", "candidate"]
    assert len({(job["role"], job["model_sha256"]) for job in results["jobs"]}) == 2
    assert folder.bench("baseline", "prune").stdout.split() == [results["models"][0]["sha256"]]
