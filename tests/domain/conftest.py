"""Sessions made of numbers, and the simulated farms of benchmarks/."""

import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.domain.cell import Cell
from orchestrator.domain.session import Session, Trust

CELL = Cell(model="m", device="d")
NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def make(metric: str, *jobs: float, days_ago: float = 0, **change: Any) -> Session:
    """A session of these job values."""
    fields = {
        "cell": CELL,
        "run_id": f"run-{days_ago}",
        "at": NOW - timedelta(days=days_ago),
        "planned": len(jobs),
        "values": {metric: jobs},
        "iterations": {metric: 2000},
        "context": {"os": "14"},
        "trust": Trust.TRUSTED,
    }
    return Session(**(fields | change))


def make_past(metric: str, values: Sequence[float], repeats: int = 3, **change: Any) -> tuple[Session, ...]:
    """One session a day before NOW, all jobs of a session with the same value, the last value yesterday's."""
    return tuple(
        make(metric, *[value] * repeats, days_ago=len(values) - index, **change) for index, value in enumerate(values)
    )


@pytest.fixture
def session() -> Callable[..., Session]:
    """Makes a session of job values."""
    return make


@pytest.fixture
def past() -> Callable[..., tuple[Session, ...]]:
    """Makes a history of sessions."""
    return make_past


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The simulation's modules: worlds, rules and tables."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    names = {"worlds": "gate_worlds", "rules": "gate_rules", "tables": "gate_simulation"}
    yield SimpleNamespace(**{short: import_module(name) for short, name in names.items()})
    for name in names.values():
        sys.modules.pop(name, None)
