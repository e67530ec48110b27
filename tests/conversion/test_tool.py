"""Which converter is used, and what is said where none can be."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.conversion.tool import COMMAND, VARIABLE, NoConverter, environment_folder, find_tool

WriteTool = Callable[..., Path]


def test_the_variable_goes_before_the_path_and_that_before_our_own(tmp_path: Path, write_tool: WriteTool) -> None:
    own = write_tool(environment_folder(tmp_path) / "bin" / "onnx2tf")
    assert find_tool({"PATH": os.defpath}, tmp_path).path == own
    on_path = write_tool(tmp_path / "bin" / "onnx2tf")
    path = f"{on_path.parent}:{os.defpath}"
    assert find_tool({"PATH": path}, tmp_path).path == on_path
    named = write_tool(tmp_path / "named", version="2.10.0")
    found = find_tool({VARIABLE: str(named), "PATH": path}, tmp_path)
    assert (found.path, found.version) == (named, "2.10.0")


def test_one_that_does_not_fit_is_passed_by_unless_it_was_named(tmp_path: Path, write_tool: WriteTool) -> None:
    old = write_tool(tmp_path / "bin" / "onnx2tf", version="1.29.24")
    settings = {"PATH": f"{old.parent}:{os.defpath}"}
    with pytest.raises(NoConverter, match=r"onnx2tf 1.29.24; onnx2tf>=2.6,<3 is needed") as refused:
        find_tool(settings, tmp_path)
    assert str(refused.value).endswith(COMMAND)
    own = write_tool(environment_folder(tmp_path) / "bin" / "onnx2tf")
    assert find_tool(settings, tmp_path).path == own
    with pytest.raises(NoConverter, match="is needed"):
        find_tool(settings | {VARIABLE: str(old)}, tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "names no program"),
        ("#!/bin/sh\necho hello\n", "does not tell its version"),
        ("#!/bin/sh\nexit 3\n", "does not tell its version"),
        ("#!/nowhere/python\n", "cannot be started"),
    ],
)
def test_what_is_no_converter_is_told_so(tmp_path: Path, content: str | None, reason: str) -> None:
    path = tmp_path / "tool"
    if content is not None:
        path.write_text(content)
        path.chmod(0o755)
    with pytest.raises(NoConverter, match=reason):
        find_tool({VARIABLE: str(path)}, tmp_path)


def test_it_may_read_its_own_environment_and_nothing_beside_it(tmp_path: Path, write_tool: WriteTool) -> None:
    written = write_tool(tmp_path / "bin" / "onnx2tf")
    readable = find_tool({VARIABLE: str(written)}, tmp_path).readable
    assert written in readable
    assert tmp_path not in readable
    assert all(len(path.parts) > 2 or path == Path("/usr") for path in readable)
