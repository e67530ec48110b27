"""The result files of a job on a phone, put together from its sessions; what the tool itself said goes with them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from orchestrator.localcloud.android.reading import doubts, told
from orchestrator.localcloud.android.sessions import Session
from orchestrator.localcloud.flags import ignored_note
from orchestrator.localcloud.sessions import Fault
from orchestrator.protocol.litert_log import CONDITION, NOISE, LiteRtLog, format_log, parse_log
from orchestrator.protocol.litert_proto import BenchmarkResult, encode_benchmark_result, parse_benchmark_result
from orchestrator.protocol.results import BENCHMARK_RESULT_FILE, LOG_FILE, OP_PROFILE_FILE
from orchestrator.protocol.unreadable import Unreadable

STATE_FILE = "phone-state.json"

Files = dict[str, bytes | Path]


@dataclass(frozen=True, kw_only=True)
class PhoneRun:
    """A job that came to its timed runs; the other sessions may have failed, or not have been begun."""

    latency: Session
    memory: Session | Fault | None = None
    profile: Session | Fault | None = None
    ignored: Sequence[str] = ()


def failed_files(fault: Fault) -> Files:
    """Those of a job that ended before its figures."""
    return {LOG_FILE: format_log(LiteRtLog(errors=(f"{fault.kind}: {fault.reason}",), failed=True)).encode()}


def phone_files(run: PhoneRun) -> Files:
    """`tflite-logs.txt`, `results.pb` and `tflite-op-profile.pb` as far as there are figures for them.

    Latency is the first session's, memory the second's, operators the third's. Beside them lie each session's own
    words, and the phone's state before and after each.
    """
    ended = [session for session in (run.latency, run.memory, run.profile) if isinstance(session, Session)]
    files: Files = {f"{session.name}-session.txt": session.text.encode() for session in ended}
    states = {each.name: {"before": asdict(each.before), "after": asdict(each.after)} for each in ended}
    files[STATE_FILE] = json.dumps(states, indent=1).encode()
    files[LOG_FILE] = _log(run).encode()
    if result := _result(run):
        files[BENCHMARK_RESULT_FILE] = encode_benchmark_result(result)
    if isinstance(run.profile, Session) and run.profile.file:
        files[OP_PROFILE_FILE] = run.profile.file
    return files


def _log(run: PhoneRun) -> str:
    """The first session's log with the second's memory. One that cannot be read is left as it is, for others to say."""
    if run.latency.code:
        return _failed_log(run.latency)
    try:
        log = parse_log(run.latency.text)
        memory = parse_log(run.memory.text) if isinstance(run.memory, Session) else LiteRtLog()
    except Unreadable:
        return run.latency.text
    found = (NOISE + doubt for doubt in doubts(run.latency.before, run.latency.after))
    states = {CONDITION + name: value for name, value in told(run.latency.before, run.latency.after)}
    return format_log(
        replace(
            log,
            params={**log.params, **states},
            memory_init_mib=memory.memory_init_mib,
            memory_overall_mib=memory.memory_overall_mib,
            peak_mib=memory.peak_mib,
            warnings=(*found, *_notes(run), *log.warnings),
        )
    )


def _failed_log(session: Session) -> str:
    """The tool's own words, after what its exit code says."""
    said = session.text
    if fault := session.fault:
        return f"ERROR: {fault.kind}: {fault.reason}\n{said}"
    silent = "ERROR" not in said
    return said + (f"ERROR: the tool ended with exit code {session.code}\n" if silent else "")


def _notes(run: PhoneRun) -> Iterator[str]:
    yield from ignored_note(run.ignored)
    for what, session in (("memory figures", run.memory), ("per-operator profile", run.profile)):
        if isinstance(session, Fault):
            yield f"no {what}: {session.reason}"
    if isinstance(run.profile, Session) and not run.profile.file:
        yield "no per-operator profile: the tool wrote none"


def _result(run: PhoneRun) -> BenchmarkResult | None:
    """The first session's `results.pb`, where this version of the tool writes one, with the second's memory."""
    first = _read(run.latency)
    if first is None:
        return None
    second = _read(run.memory) if isinstance(run.memory, Session) else None
    return replace(first, memory_metrics=second.memory_metrics if second else None)


def _read(session: Session) -> BenchmarkResult | None:
    try:
        return parse_benchmark_result(session.file.read_bytes()) if session.file else None
    except Unreadable:
        return None
