"""A run to journal."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.domain.cell import Cell
from orchestrator.domain.device import Device, DeviceSelector, Platform
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.model import Model, ModelFormat, Tensor
from orchestrator.domain.plan import ModelEntry, Plan
from orchestrator.domain.run import Run


@pytest.fixture
def run_entry(tmp_path: Path) -> Callable[[str], RunEntry]:
    """Makes the entry of a run of one model on two devices, three repeats."""

    def make(run_id: str = "20260101T000000Z-abcdef") -> RunEntry:
        path = tmp_path / "m.onnx"
        plan = Plan(
            path=tmp_path / "plan.yaml",
            text="version: 1",
            sha256="0" * 64,
            name="p",
            project="p",
            models=(ModelEntry(name="m", path=path, params={"num_threads": "2"}),),
            devices=(DeviceSelector(),),
        )
        model = Model(
            name="m",
            path=path,
            format=ModelFormat.ONNX,
            sha256="1" * 64,
            size_bytes=10,
            inputs=(Tensor(name="x", dtype="float32", shape=(1, "n")),),
            outputs=(Tensor(name="y", dtype="float32", shape=None),),
            operators={"Conv": 1},
        )
        devices = tuple(Device(name=name, platform=Platform.ANDROID) for name in ("d1", "d2"))
        run = Run(
            id=run_id,
            plan="p",
            project="p",
            cloud="local",
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            plan_sha256="0" * 64,
            tool_version="0",
        )
        cells = tuple(Cell(model="m", device=device.name) for device in devices)
        return RunEntry(
            run=run, plan=plan, models=(model,), devices=devices, cells=cells, folder=tmp_path / run_id, command="bench"
        )

    return make
