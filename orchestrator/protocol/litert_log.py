"""The text log of LiteRT's `benchmark_model`, in all its versions.

The tool's own lines go to stdout (older builds without a prefix, newer with `INFO: `), errors to stderr, and on
Android the same text to logcat; so prefixes are taken off and every key is searched anywhere in its line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.protocol.litert_delegate import Delegates, format_delegates, parse_delegates
from orchestrator.protocol.litert_stat import NUMBER, Stat, finite, format_stat, parse_stat
from orchestrator.protocol.litert_table import OperatorTables, parse_tables
from orchestrator.protocol.unreadable import Unreadable

MAX_LOG_CHARS = 16 * 2**20
MAX_LINE_CHARS = 64 * 1024
MAX_ENTRIES = 1000

# "01-31 02:00:00.123  1234  5678 E tflite  : text", with year or user too, and the short "E/tflite  ( 1234): text"
_LOGCAT = re.compile(
    r"(?:(?:\d{4}-)?\d\d-\d\d +\d\d:\d\d:\d\d\.\d{1,9} +)?"
    r"(?:(?:\w{1,20} +)?\d{1,10} +\d{1,10} +(?P<long>[VDIWEF]) +[\w.-]{1,60} *: ?"
    r"|(?P<short>[VDIWEF])/[\w.-]{1,60} *(?:\( *\d{1,10}\))?: ?)"
)
_LEVEL = re.compile(r"(INFO|WARN|WARNING|ERROR|FATAL|VERBOSE|DEBUG): ")
_PARAM = re.compile(r"([^\[\]:]{1,120}): \[(.*)\]\s*")
_OWN_TIMINGS = re.compile(r"Timings \(microseconds\):|Memory \(bytes\):")
_ERROR_WITHOUT_LEVEL = re.compile(r"Failed to apply .{1,100}? delegate|Disallowed CPU fallback detected")
_GAVE_UP = "Benchmarking failed"

_SUMMARY = "nference timings in us: "
_SUMMARY_KEYS = {
    "init_us": re.compile(rf"Init: ({NUMBER})"),
    "first_inference_us": re.compile(rf"First inference: ({NUMBER})"),
    "warmup_avg_us": re.compile(rf"Warmup(?: \(avg\))?: ({NUMBER})"),
    "inference_avg_us": re.compile(rf"Inference(?: \(avg\))?: ({NUMBER})"),
}
_KEYS = {
    "model_size_mb": re.compile(rf"The input model file size \(MB\): ({NUMBER})"),
    "session_init_ms": re.compile(rf"Initialized session in ({NUMBER}) ?ms"),
    "memory_init_mib": re.compile(rf"emory footprint.{{0,60}}\(MB\): init=({NUMBER})"),
    "memory_overall_mib": re.compile(rf"emory footprint.{{0,60}}\(MB\): init=.{{1,60}}? overall=({NUMBER})"),
    "peak_mib": re.compile(rf"Overall peak memory footprint \(MB\) via periodic monitoring: ({NUMBER})"),
}


@dataclass(frozen=True, kw_only=True)
class LiteRtLog:
    """What a log says; None where it does not. `params` are the tool's own descriptions and values.

    Memory figures are differences to the tool's start, in MiB, and on Linux and Android differences of peaks.
    `first_inference_us` is the first warm-up run. `failed`: the tool gave up, and `errors` may say why.
    """

    params: Mapping[str, str] = field(default_factory=dict)
    model_size_mb: float | None = None
    session_init_ms: float | None = None
    warmup: Stat | None = None
    measured: Stat | None = None
    init_us: float | None = None
    first_inference_us: float | None = None
    warmup_avg_us: float | None = None
    inference_avg_us: float | None = None
    memory_init_mib: float | None = None
    memory_overall_mib: float | None = None
    peak_mib: float | None = None
    delegates: Delegates = field(default_factory=Delegates)
    errors: tuple[str, ...] = ()
    failed: bool = False
    operators: OperatorTables = field(default_factory=OperatorTables)

    @property
    def profiled(self) -> bool:
        """Whether the profiler ran beside the measured runs, and its overhead is in the figures."""
        return self.params.get("Enable op profiling") in ("1", "true") or bool(self.operators.runs)


@dataclass(frozen=True, kw_only=True)
class _Line:
    level: str
    text: str


def parse_log(text: str) -> LiteRtLog:
    """Read a whole log. Raises Unreadable where it is longer than MAX_LOG_CHARS or says NaN or infinity."""
    if len(text) > MAX_LOG_CHARS:
        reason = f"longer than {MAX_LOG_CHARS >> 20} MiB"
        raise Unreadable(reason)
    lines = [_without_prefix(line) for line in text.splitlines()]
    texts = [line.text for line in lines]
    stats = _stats(texts)
    return LiteRtLog(
        params=_params(texts),
        warmup=stats[0] if stats else None,
        measured=stats[1] if len(stats) > 1 else None,
        **_numbers(texts),
        delegates=parse_delegates(texts),
        errors=_errors(lines),
        failed=any(line.level == "FATAL" or _GAVE_UP in line.text for line in lines),
        operators=parse_tables(texts),
    )


def _without_prefix(line: str) -> _Line:
    line, level = line[:MAX_LINE_CHARS], ""
    if found := _LOGCAT.match(line):
        level = {"E": "ERROR", "F": "FATAL"}.get(found["long"] or found["short"], "")
        line = line[found.end() :]
    if found := _LEVEL.match(line):
        level, line = found[1], line[found.end() :]
    return _Line(level=level, text=line)


def _stats(texts: list[str]) -> list[Stat]:
    own = (text for text in texts if "count=" in text and not _OWN_TIMINGS.search(text))
    return [stat for text in own if (stat := parse_stat(text))]


def _params(texts: list[str]) -> dict[str, str]:
    found = (_PARAM.fullmatch(text) for text in texts)
    return {match[1].strip(): match[2] for match in found if match}


def _numbers(texts: list[str]) -> dict[str, float]:
    """Every single figure of the log by its field's name; the first mention counts."""
    numbers: dict[str, float] = {}
    for text in texts:
        for name, pattern in _SUMMARY_KEYS.items() if _SUMMARY in text else _KEYS.items():
            if name not in numbers and (found := pattern.search(text)):
                numbers[name] = finite(found[1])
    return numbers


def _errors(lines: list[_Line]) -> tuple[str, ...]:
    texts = [
        line.text.strip()
        for line in lines
        if (line.level in ("ERROR", "FATAL") or _ERROR_WITHOUT_LEVEL.search(line.text)) and _GAVE_UP not in line.text
    ]
    return tuple(text for text in texts[:MAX_ENTRIES] if text)


def format_log(log: LiteRtLog) -> str:
    """The log as the current tool prints it, stdout and stderr in one. Tables are not printed: they go to a file."""
    return "\n".join(_log_lines(log)) + "\n"


def _log_lines(log: LiteRtLog) -> Iterator[str]:
    yield "INFO: STARTING!"
    yield from (f"INFO: {name}: [{value}]" for name, value in log.params.items())
    if "Graph" in log.params:
        yield f"INFO: Loaded model {log.params['Graph']}"
    yield from format_delegates(log.delegates)
    if log.model_size_mb is not None:
        yield f"INFO: The input model file size (MB): {log.model_size_mb:g}"
    if log.session_init_ms is not None:
        yield f"INFO: Initialized session in {log.session_init_ms:g}ms."
    for stat, runs in ((log.warmup, "warmup "), (log.measured, "")):
        if stat is not None:
            yield _announcement(log.params, runs)
            yield f"INFO: {format_stat(stat)}"
    yield from _summary_lines(log)
    yield from (f"ERROR: {error}" for error in log.errors)
    if log.failed:
        yield f"ERROR: {_GAVE_UP}."


def _announcement(params: Mapping[str, str], runs: str) -> str:
    count = params.get(f"Min {runs or 'num '}runs", "1" if runs else "50")
    least = params.get(f"Min {runs}runs duration (seconds)", "0.5" if runs else "1")
    most = params.get("Max runs duration (seconds)", "150")
    return (
        f"INFO: Running benchmark for at least {count} iterations and at least {least} seconds but terminate if"
        f" exceeding {most} seconds."
    )


def _summary_lines(log: LiteRtLog) -> Iterator[str]:
    timings = {
        "Init": _whole(log.init_us),
        "First inference": _whole(log.first_inference_us),
        "Warmup (avg)": _general(log.warmup_avg_us),
        "Inference (avg)": _general(log.inference_avg_us),
    }
    if any(timings.values()):
        shown = (f"{name}: {value}" for name, value in timings.items() if value)
        yield f"INFO: Inference timings in us: {', '.join(shown)}"
    if log.memory_init_mib is not None and log.memory_overall_mib is not None:
        yield (
            "INFO: Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to"
            " the actual memory footprint of the model at runtime. Take the information at your discretion."
        )
        yield (
            "INFO: Memory footprint delta from the start of the tool (MB):"
            f" init={log.memory_init_mib:g} overall={log.memory_overall_mib:g}"
        )
    if log.peak_mib is not None:
        yield f"INFO: Overall peak memory footprint (MB) via periodic monitoring: {log.peak_mib:g}"


def _whole(value: float | None) -> str:
    return "" if value is None else str(int(value))


def _general(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
