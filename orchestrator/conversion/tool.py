"""The converter: onnx2tf, a program with an environment of its own. It is called, never imported.

It needs another Python than this program and pins all that it depends on, so that the two cannot share a place.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from orchestrator.errors import UsageError

TOOL = "onnx2tf"
VARIABLE = "BENCH_ONNX2TF"
WANTED = "onnx2tf>=2.6,<3"
COMMAND = "bench setup-converter --python python3.12"
_OLDEST, _NEXT = (2, 6), (3,)
_ASK_S = 120.0  # its first start compiles what it imports
_VERSION = re.compile(r"\s*v?(\d{1,6}(?:\.\d{1,6}){1,3})\S{0,20}\s*")
_INTERPRETER = re.compile(rb"#!\s*(/\S{1,1000})")


class NoConverter(UsageError):
    """There is no converter that can be used; the message says how to get one."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """The program at `path`. `readable` is what it needs to read besides the system's own files."""

    path: Path
    version: str
    readable: tuple[Path, ...]


def environment_folder(home: Path) -> Path:
    """Where `bench setup-converter` makes the tool's environment."""
    return home / "converter"


def find_tool(environ: Mapping[str, str], home: Path) -> Tool:
    """The one that BENCH_ONNX2TF names, else the first fit one of PATH's and our own environment's.

    Starts it to ask its version. Raises NoConverter.
    """
    if named := environ.get(VARIABLE):
        found = shutil.which(named, path=environ.get("PATH"))
        if found is None:
            message = f"{VARIABLE} names no program: {named}; let it name one, or unset it"
            raise NoConverter(message)
        return _asked(Path(found))
    refused = []
    for path in _candidates(environ, home):
        try:
            return _asked(path)
        except NoConverter as error:
            refused.append(f" ({error})")
    message = f"converting .onnx to .tflite needs {TOOL}, which is not there{''.join(refused)}: {COMMAND}"
    raise NoConverter(message)


def _candidates(environ: Mapping[str, str], home: Path) -> Iterator[Path]:
    if found := shutil.which(TOOL, path=environ.get("PATH")):
        yield Path(found)
    if (own := environment_folder(home) / "bin" / TOOL).is_file():
        yield own


@cache
def _asked(path: Path) -> Tool:
    """The tool with its version, if that is one we know how to call. Raises NoConverter."""
    try:
        done = subprocess.run(
            [path, "--version"],
            env={"PATH": os.pathsep.join((str(path.parent), os.defpath)), "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{path} cannot be started: {getattr(error, 'strerror', None) or 'it does not answer'}"
        raise NoConverter(message) from error
    said = _VERSION.fullmatch(done.stdout[:1000].decode("utf-8", "replace"))
    if done.returncode or said is None:
        message = f"{path} is no working {TOOL}: it does not tell its version"
        raise NoConverter(message)
    version = said[1]
    if not _OLDEST <= tuple(map(int, version.split("."))) < _NEXT:
        message = f"{path} is {TOOL} {version}; {WANTED} is needed"
        raise NoConverter(message)
    return Tool(path=path, version=version, readable=_readable(path))


def _readable(path: Path) -> tuple[Path, ...]:
    """The tool, the environment that it belongs to, and the Python below that; never a folder that is more."""
    real = path.resolve()
    with real.open("rb") as file:
        interpreter = _INTERPRETER.match(file.readline(1100))
    programs = [real]
    if interpreter:
        python = Path(os.fsdecode(interpreter[1]))
        programs += [python, python.resolve()]
    prefixes = filter(_is_python, (program.parent.parent for program in programs))
    return tuple(dict.fromkeys([path, real, *prefixes]))


def _is_python(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").is_file() or any((folder / "lib").glob("python3*"))
