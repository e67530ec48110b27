"""The results of a job: a zip whose files may lie in any folder, some of them broken, some missing."""

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from orchestrator.protocol import onnxruntime, onnxruntime_profile
from orchestrator.protocol.archive import extract_safely, store
from orchestrator.protocol.litert_line import MAX_LOG_CHARS
from orchestrator.protocol.litert_log import LiteRtLog, parse_log
from orchestrator.protocol.litert_proto import (
    BenchmarkResult,
    OpProfile,
    RuntimeInfo,
    parse_benchmark_result,
    parse_op_profile,
    parse_runtime_info,
)
from orchestrator.protocol.onnxruntime import OnnxRuntimeResult
from orchestrator.protocol.onnxruntime_profile import OnnxRuntimeProfile
from orchestrator.protocol.proto_table import MAX_PROTO_BYTES
from orchestrator.protocol.unreadable import Unreadable

LOG_FILE = "tflite-logs.txt"
OP_PROFILE_FILE = "tflite-op-profile.pb"
BENCHMARK_RESULT_FILE = "results.pb"
RUNTIME_INFO_FILE = "runtime_info.pb"
MAX_FILES = 200
MAX_BYTES = 512 * 2**20


@dataclass(frozen=True, kw_only=True)
class ResultFiles:
    """What was in the archive, parsed; None where a file is missing or (see `problems`) unreadable.

    `files` are all that were unpacked, known or not. `problems` name the file and the cause.
    """

    log: LiteRtLog | None = None
    op_profile: OpProfile | None = None
    benchmark_result: BenchmarkResult | None = None
    runtime_info: RuntimeInfo | None = None
    onnxruntime: OnnxRuntimeResult | None = None
    onnxruntime_profile: OnnxRuntimeProfile | None = None
    files: tuple[Path, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Known:
    name: str
    max_bytes: int
    parse: Callable[[bytes], Any]


def _text(parse: Callable[[str], Any]) -> Callable[[bytes], Any]:
    return lambda data: parse(data.decode(errors="replace"))


_KNOWN = {
    "log": _Known(name=LOG_FILE, max_bytes=MAX_LOG_CHARS, parse=_text(parse_log)),
    "op_profile": _Known(name=OP_PROFILE_FILE, max_bytes=MAX_PROTO_BYTES, parse=parse_op_profile),
    "benchmark_result": _Known(name=BENCHMARK_RESULT_FILE, max_bytes=MAX_PROTO_BYTES, parse=parse_benchmark_result),
    "runtime_info": _Known(name=RUNTIME_INFO_FILE, max_bytes=MAX_PROTO_BYTES, parse=parse_runtime_info),
    "onnxruntime": _Known(
        name=onnxruntime.RESULT_FILE, max_bytes=onnxruntime.MAX_RESULT_BYTES, parse=OnnxRuntimeResult.parse
    ),
    "onnxruntime_profile": _Known(
        name=onnxruntime_profile.PROFILE_FILE,
        max_bytes=onnxruntime_profile.MAX_PROFILE_CHARS,
        parse=_text(onnxruntime_profile.parse_profile),
    ),
}


def read_results(archive: Path, into: Path) -> ResultFiles:
    """Unpack the results below `into` and parse what is known, by base name.

    Raises UnsafeArchive and Unreadable where the archive itself is refused; a bad file in it is a problem.
    """
    files = extract_safely(archive, into, max_files=MAX_FILES, max_bytes=MAX_BYTES)
    parsed: dict[str, Any] = {}
    problems = []
    for field_name, known in _KNOWN.items():
        try:
            data = _content(known, files)
            parsed[field_name] = None if data is None else known.parse(data)
        except Unreadable as error:
            problems.append(f"{known.name}: {error}")
    return ResultFiles(**parsed, files=tuple(files.values()), problems=tuple(problems))


def _content(known: _Known, files: Mapping[str, Path]) -> bytes | None:
    """The file's bytes, None where there is none. A runner may leave one file in two folders, but not two files."""
    found = [path for name, path in files.items() if PurePosixPath(name).name == known.name]
    if any(path.stat().st_size > known.max_bytes for path in found):
        reason = f"longer than {known.max_bytes >> 20} MiB"
        raise Unreadable(reason)
    contents = {path.read_bytes() for path in found}
    if len(contents) > 1:
        reason = f"{len(contents)} different files of this name"
        raise Unreadable(reason)
    return contents.pop() if contents else None


def write_results(files: Mapping[str, bytes | Path], to: Path) -> None:
    """Write a results archive of contents or files by their names in it."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            store(archive, name, content)
