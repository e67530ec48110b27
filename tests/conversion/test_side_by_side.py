"""How many are converted at once."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.conversion.side_by_side import MemoryRoom, available_bytes, convert_all, estimated_bytes
from orchestrator.domain.conversion import ConvertedModel
from orchestrator.domain.model import Model

GB = 10**9


class Watching:
    """Stands for the workshop: how many were in it at once. Each waits until as many came as there is room for."""

    def __init__(self, expected: int) -> None:
        self.kill = threading.Event()
        self.most = 0
        self._inside = 0
        self._lock = threading.Lock()
        self._full = threading.Barrier(expected)

    def convert(self, model: Model, one: ConvertedModel) -> ConvertedModel:
        """Comes, waits, goes."""
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
        self._full.wait(30)
        with self._lock:
            self._inside -= 1
        return replace(one, seconds=1.0)


@pytest.mark.parametrize(
    ("size_bytes", "available", "at_once", "expected"),
    [
        (10 * 10**6, 16 * GB, 8, 4),
        (10 * 10**6, 16 * GB, 2, 2),
        (100 * 10**6, 4 * GB, 8, 2),
        (2 * GB, 4 * GB, 8, 1),
        (10 * 10**6, 0, 8, 1),
    ],
)
def test_as_many_as_there_is_memory_for_and_at_least_one(
    small: Model, ask: Callable[..., Any], size_bytes: int, available: int, at_once: int, expected: int
) -> None:
    model = replace(small, size_bytes=size_bytes)
    workshop: Any = Watching(expected)
    wanted = [(model, ask(model))] * 4
    found = asyncio.run(convert_all(workshop, wanted, MemoryRoom(available, at_once)))
    assert [one.seconds for one in found] == [1.0] * 4
    assert workshop.most == expected
    assert workshop.kill.is_set()


def test_what_is_needed_grows_with_the_model(small: Model) -> None:
    assert estimated_bytes(replace(small, size_bytes=102 * 10**6)) > 1.4 * GB
    assert available_bytes() > 0
