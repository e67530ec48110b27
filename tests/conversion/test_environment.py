"""The converter's own environment: made whole, or not there. A Python stands in that makes one without a network."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.conversion.environment import make_environment
from orchestrator.conversion.tool import NoConverter, environment_folder, find_tool
from orchestrator.errors import UsageError

PYTHON = """\
#!/bin/sh
case "$*" in
  *version_info*) echo "{version}" ;;
  *venv*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *"pip install"*) {pip} ;;
esac
"""
MakePython = Callable[..., str]


@pytest.fixture
def make_python(tmp_path: Path, write_tool: Callable[..., Path]) -> MakePython:
    """A Python of that version, whose pip does that."""
    tool = write_tool(tmp_path / "wheel" / "onnx2tf")

    def make(version: str = "3 12", pip: str = f'cp {tool} "$(dirname "$0")/onnx2tf"') -> str:
        path = tmp_path / "python"
        path.write_text(PYTHON.format(version=version, pip=pip))
        path.chmod(0o755)
        return str(path)

    return make


def test_it_is_made_and_found(tmp_path: Path, make_python: MakePython) -> None:
    said: list[str] = []
    folder = environment_folder(tmp_path)
    (folder / "old").mkdir(parents=True)
    path = make_environment(folder, make_python(), said.append)
    assert find_tool({"PATH": "/nowhere"}, tmp_path).path == path
    assert not (folder / "old").exists()
    assert "onnx2tf>=2.6,<3" in said[0]


@pytest.mark.parametrize(
    ("python", "reason"),
    [
        ({"version": "3 11"}, "is Python 3.11; onnx2tf needs 3.12 or newer"),
        ({"version": "nonsense"}, "is Python nonsense"),
        ({"pip": "echo no matching distribution >&2; exit 1"}, "no matching distribution"),
    ],
)
def test_what_goes_wrong_is_told_and_leaves_nothing(
    tmp_path: Path, make_python: MakePython, python: dict[str, str], reason: str
) -> None:
    folder = environment_folder(tmp_path)
    with pytest.raises(UsageError, match=reason):
        make_environment(folder, make_python(**python), lambda text: None)
    assert not folder.exists()
    with pytest.raises(NoConverter):
        find_tool({"PATH": "/nowhere"}, tmp_path)


def test_a_python_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no program 'python3\.99'"):
        make_environment(tmp_path / "converter", "python3.99", lambda text: None)


def test_this_python_is_too_old_or_will_do(tmp_path: Path) -> None:
    if sys.version_info < (3, 12):
        with pytest.raises(UsageError, match=r"is Python 3\.11; onnx2tf needs 3\.12 or newer"):
            make_environment(tmp_path / "converter", sys.executable, lambda text: None)
