"""A plan's file, and hands that remember what a scheduler asked of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.plan import Plan
from orchestrator.inputs.last_good_plan import LastGood, load_last_good
from orchestrator.scheduling.duty import Duty, Hands, Unfinished

PLAN = """\
version: 1
name: night
models: [tiny.tflite]
devices: [any]
schedule: {cron: "30 2 * * *", timezone: Europe/Stockholm}
"""


@dataclass
class World:
    """A clock that stands still until it is set, a plan, and the runs that were started for it."""

    folder: Path
    now: datetime = datetime(2026, 11, 27, 0, 0, tzinfo=UTC)
    ticks: list[datetime] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    unfinished: Unfinished | None = None
    code: int = 0
    crash: Exception | None = None
    cloud_is_away: bool = False
    while_running: Callable[[], Awaitable[Any]] | None = None

    @property
    def path(self) -> Path:
        """The plan's file."""
        return self.folder / "plan.yaml"

    def duty(self, grace: timedelta = timedelta(hours=1)) -> Duty:
        """What is owed to the plan."""
        return Duty(path=self.path, grace=grace, hands=self.hands())

    def hands(self) -> Hands:
        """Hands that write down what they did."""
        return Hands(
            read=self._read,
            unfinished=self._unfinished,
            has_run=self._has_run,
            start=self._start,
            resume=self._resume,
            tell=lambda plan, text: self.log.append(f"{plan}: {text}"),
            now=lambda: self.now,
        )

    def _read(self, path: Path) -> LastGood:
        return load_last_good(path, self.folder / "kept")

    async def _unfinished(self, plan: Plan) -> Unfinished | None:
        return self.unfinished

    async def _has_run(self, plan: Plan, tick: datetime) -> bool:
        return tick.astimezone(UTC) in self.ticks  # Python calls a time that comes twice unequal in another zone

    async def _start(self, path: Path, plan: Plan, tick: datetime) -> int:
        if self.crash:
            raise self.crash
        if self.cloud_is_away:
            return 4
        if self.while_running:
            await self.while_running()
        self.ticks.append(tick.astimezone(UTC))
        self.done.append(f"{tick.astimezone(UTC):%m-%d %H:%M}")
        return self.code

    async def _resume(self, plan: Plan, run_id: str) -> int:
        self.done.append(run_id)
        self.unfinished = None
        return self.code


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world with a plan for half past two at night."""
    (tmp_path / "tiny.tflite").touch()
    (tmp_path / "plan.yaml").write_text(PLAN)
    return World(folder=tmp_path)
