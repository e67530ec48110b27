"""The nightly plan end to end: the real command, night after night, against a cloud whose device changes its speed."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto, helper, save

from orchestrator.cli.main import main
from orchestrator.workflow.pace import Pace

CALM = 12  # nights before the slow-down
BEGAN = datetime.now(UTC).replace(hour=2, minute=0) - timedelta(days=40)
PLAN = """\
version: 1
name: vision-nightly
cloud: {cloud}
models: [m.onnx]
devices: [host-cpu-1t]
repeats: 1
limits: {{poll_interval: 50ms}}
gates:
  - {{metric: latency_p50_ms, max_regression: 5%}}
gating: {{profile: nightly}}
"""


@dataclass
class Clock:
    """Stands in for `datetime` where a run looks at the time: it is the night that the test says."""

    moment: datetime = BEGAN

    def now(self, _zone: object = None) -> datetime:
        """The time, going on by a microsecond a look, so that run ids differ."""
        self.moment += timedelta(microseconds=1)
        return self.moment


@dataclass
class Nights:
    """`bench` in a folder with a nightly plan."""

    world: Any
    clock: Clock
    capture: pytest.CaptureFixture[str]
    result_bytes: Callable[..., bytes]

    def bench(self, *arguments: str) -> tuple[int, str]:
        """Exit code and stdout."""
        code = main([*arguments])
        return code, self.capture.readouterr().out

    def json(self, *arguments: str) -> Any:
        """What the command tells programs."""
        return json.loads(self.bench(*arguments, "--json")[1])

    def night(self, number: int, latency_ms: float) -> tuple[int, dict[str, Any]]:
        """The plan's run of that night on a device of that speed: its exit code and results."""
        dice = random.Random(number)

        def answer(_number: int, _order: Any) -> dict[str, bytes]:
            value = round(latency_ms * (1 + abs(dice.gauss(0, 0.005))), 5)
            clock = dict.fromkeys(("mean", "p50", "p90", "p95", "min", "max"), value) | {"n": 60, "std": 0.0}
            return {"onnxruntime-result.json": self.result_bytes(samples_ms=[value] * 60, wall_clock=clock)}

        self.world.devices.answer = answer
        self.clock.moment = BEGAN + timedelta(days=number)
        code, _ = self.bench("run", "plan.yaml", "--quiet")
        newest = max(path for path in Path("reports").iterdir() if path.is_dir())
        return code, json.loads((newest / "results.json").read_text())


@pytest.fixture
def nights(
    world: Any,
    result_bytes: Callable[..., bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Nights:
    folder, clock = tmp_path / "work", Clock()
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EMBEDL_HUB_API_KEY", "test-key-0123456789")
    monkeypatch.setattr("orchestrator.cli.prepare.datetime", clock)
    monkeypatch.setattr(Pace, "now", lambda _: clock.now())
    (folder / "plan.yaml").write_text(PLAN.format(cloud=world.base_url))
    node = helper.make_node("Relu", ["x"], ["y"])
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in "xy"]
    graph = helper.make_graph([node], "m", tensors[:1], tensors[1:])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "m.onnx")
    return Nights(world=world, clock=clock, capture=capsys, result_bytes=result_bytes)


def test_a_slow_down_at_night_12_is_told_once_silenced_resolved_told_again_and_accepted(nights: Nights) -> None:
    assert [nights.night(number, 10.0)[0] for number in range(CALM)] == [0] * CALM
    assert nights.json("alerts", "--all") == []

    code, found = nights.night(CALM, 12.0)
    (alert,) = found["alerts"]
    assert (code, alert["is_new"], alert["state"]) == (10, True, "open")
    assert alert["change"] == pytest.approx(0.2, abs=0.02)
    slow = found["run"]["id"]
    code, found = nights.night(CALM + 1, 12.0)
    assert (code, [again["is_new"] for again in found["alerts"]]) == (10, [False])
    assert [again["id"] for again in nights.json("alerts", "--all")] == [alert["id"]]
    (gate,) = [gate for gate in found["gates"] if gate["rule"].startswith("at most")]
    assert gate["baseline"] == pytest.approx(10.0, rel=0.01)

    code, told = nights.bench("alerts", "ack", alert["id"], "--reason", "driver bug", "--who", "ada")
    assert (code, f"alert {alert['id']} is acknowledged by ada until" in told) == (0, True)
    code, found = nights.night(CALM + 2, 12.0)
    assert (code, [known["state"] for known in found["alerts"]]) == (0, ["acknowledged"])
    assert "acknowledged by ada" in nights.bench("gate", "latest")[1].replace("\n", " ")

    assert [nights.night(CALM + number, 10.0)[0] for number in (3, 4)] == [0, 0]
    (resolved,) = nights.json("alerts", "--all")
    assert (resolved["state"], nights.json("alerts")) == ("resolved", [])

    code, found = nights.night(CALM + 5, 12.0)
    (again,) = found["alerts"]
    assert (code, again["is_new"], again["id"] != alert["id"]) == (10, True, True)
    code, told = nights.bench("baseline", "accept", found["run"]["id"], "--reason", "wanted")
    assert f"alert {again['id']} is accepted" in told
    code, found = nights.night(CALM + 6, 12.0)
    assert (code, found["alerts"]) == (0, [])
    (trend,) = nights.json("history")
    assert [point["counts"] for point in trend["points"]] == [False] * (CALM + 5) + [True] * 2
    assert [point["anew"] for point in trend["points"] if point["anew"]] == ["accepted"]
    assert {known["id"] for known in trend["alerts"]} == {alert["id"], again["id"]}

    assert [nights.bench("gate", slow)[0], nights.bench("gate", "latest")[0]] == [10, 0]
    states = [step["state"] for step in nights.json("alerts", "show", alert["id"])["steps"]]
    assert states == ["open", "acknowledged"]
