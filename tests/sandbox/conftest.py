"""Runs tests/sandbox/child_that_attacks.py in the sandbox."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.sandbox.child import ChildLimits, ChildResult, run_child

HERE = Path(__file__).parent
RUN_MODULE = f"import runpy, sys; sys.path.append({str(HERE)!r}); runpy.run_module(sys.argv[-1], run_name='__main__')"
LIMITS = {"wall_s": 20.0, "memory_bytes": 300 << 20, "cpu_s": 20, "file_bytes": 1 << 20}


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def attack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scratch: Path) -> Callable[..., ChildResult]:
    """attack(do, **spec): the interpreter isolates itself from this folder, so a wrapper adds it to its path."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -c {shlex.quote(RUN_MODULE)} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))

    def run(do: str, *, limits: dict[str, Any] = {}, options: dict[str, Any] = {}, **spec: Any) -> ChildResult:  # noqa: B006
        return run_child(
            "child_that_attacks",
            {"do": do, **spec},
            limits=ChildLimits(**{**LIMITS, **limits}),
            scratch=scratch,
            **options,
        )

    return run
