"""What is installed as the tool, and what is not."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import UsageError
from orchestrator.localcloud.android.tool import install, installed


@pytest.mark.parametrize(
    ("content", "sha", "told"),
    [
        (b"anything", "0" * 64, "its sha256 is"),
        (b"anything", "12", "64 hexadecimal digits"),
        (b"<html>not found</html>", None, "is no program for an Android phone"),
        (b"\x7fELF" + bytes(16), None, "is no program for an Android phone"),
        (b"", None, "is no program for an Android phone"),
    ],
)
def test_what_is_not_the_tool_is_refused_and_leaves_nothing(
    tmp_path: Path, content: bytes, sha: str | None, told: str
) -> None:
    source, folder = tmp_path / "source", tmp_path / "tools"
    source.write_bytes(content)
    with pytest.raises(UsageError, match=told):
        install(source, sha or hashlib.sha256(content).hexdigest(), folder)
    assert not list(folder.rglob("*"))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        install(tmp_path / "missing", "0" * 64, tmp_path / "tools")


@pytest.mark.parametrize(("machine", "abi"), [(183, "arm64-v8a"), (40, "armeabi-v7a"), (62, "x86_64"), (3, "x86")])
def test_each_processor_has_its_own_and_a_newer_one_replaces_it(
    tmp_path: Path, make_elf: Any, machine: int, abi: str
) -> None:
    source = tmp_path / "source"
    for more in (b"old", b"new"):
        content = make_elf(machine, more)
        source.write_bytes(content)
        tool = install(source, hashlib.sha256(content).hexdigest(), tmp_path / "tools")
    assert installed(tmp_path / "tools") == (tool,)
    assert (tool.abi, tool.path.read_bytes()) == (abi, content)
