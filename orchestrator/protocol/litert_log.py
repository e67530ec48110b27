"""The text log of LiteRT's benchmark tools, in all its versions. Every key is searched anywhere in its line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.protocol.litert_delegate import Delegates, format_delegates, parse_delegates
from orchestrator.protocol.litert_figures import parse_block, parse_figures
from orchestrator.protocol.litert_line import LogLine, split_log
from orchestrator.protocol.litert_stat import Stat, format_stat, parse_stat
from orchestrator.protocol.litert_table import OperatorTables, parse_tables

MAX_ERRORS = 100

_PARAM = re.compile(r"([^\[\]:]{1,120}): \[(.*)\]")
_OWN_TIMINGS = ("Timings (microseconds):", "Memory (bytes):")
_OPTIONS_TITLE = "Summary of All Runs w/ Different Performance Options"
_OPTION = re.compile(r"(?P<name>\S.{0,200}?) *: +(?:count=|(?P<failed>failed!))")
_ERROR_WITHOUT_LEVEL = re.compile(r"Failed to apply .{1,100}? delegate|Disallowed CPU fallback detected")
_GAVE_UP = "Benchmarking failed"
CONDITION = "Phone's "  # begins a param of ours that says under which condition the figures were taken
NOISE = "noise: "  # begins a warning of ours that says why the figures may be doubted


@dataclass(frozen=True, kw_only=True)
class OptionRun:
    """One line of the performance options' summary; no series where that option failed."""

    name: str
    measured: Stat | None


@dataclass(frozen=True, kw_only=True)
class LiteRtLog:
    """What a log says; None where it does not. `params` are the tool's own descriptions and values.

    Memory figures are differences to the tool's start in MiB, and on Linux and Android differences of peaks; those
    called `end_` are the process's own at its end. `first_inference_us` is the first warm-up run.
    `failed`: the tool gave up, and `errors` may say why.
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
    input_mb_per_s: float | None = None
    memory_init_mib: float | None = None
    memory_overall_mib: float | None = None
    peak_mib: float | None = None
    end_rss_mib: float | None = None
    end_rss_anonymous_mib: float | None = None
    end_rss_file_and_shared_mib: float | None = None
    delegates: Delegates = field(default_factory=Delegates)
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    failed: bool = False
    operators: OperatorTables = field(default_factory=OperatorTables)
    options: tuple[OptionRun, ...] = ()

    @property
    def profiled(self) -> bool:
        """Whether the profiler ran beside the measured runs, so that its overhead is in the figures."""
        return self.params.get("Enable op profiling") in ("1", "true") or bool(self.operators.runs)


def parse_log(text: str) -> LiteRtLog:
    """Read a whole log, stdout and stderr in one. Raises Unreadable where it is too long or says NaN or infinity."""
    lines = split_log(text)
    texts, options = _without_options([line.text for line in lines])
    series = [stat for text in texts if (stat := _own_series(text))]
    return LiteRtLog(
        params={found[1].strip(): found[2] for text in texts if (found := _PARAM.fullmatch(text))},
        warmup=series[0] if series else None,
        measured=series[1] if len(series) > 1 else parse_block(texts),
        **parse_figures(texts),
        delegates=parse_delegates(texts),
        errors=tuple(line.text for line in lines if _is_error(line))[:MAX_ERRORS],
        warnings=tuple(line.text for line in lines if line.level == "WARN" and line.text)[:MAX_ERRORS],
        failed=any(line.level == "FATAL" or _GAVE_UP in line.text for line in lines),
        operators=parse_tables(texts),
        options=options,
    )


def _without_options(texts: list[str]) -> tuple[list[str], tuple[OptionRun, ...]]:
    """The lines before the summary of all performance options, and that summary."""
    at = next((at for at, text in enumerate(texts) if _OPTIONS_TITLE in text), len(texts))
    found = ((text, _OPTION.match(text)) for text in texts[at + 1 :])
    runs = [
        OptionRun(name=option["name"], measured=None if option["failed"] else parse_stat(text))
        for text, option in found
        if option
    ]
    return texts[:at], tuple(runs)


def _own_series(text: str) -> Stat | None:
    """The warm-up's or the measured series; the profiler sums its tables up in the same words."""
    return parse_stat(text) if "count=" in text and not any(own in text for own in _OWN_TIMINGS) else None


def _is_error(line: LogLine) -> bool:
    marked = line.level in ("ERROR", "FATAL") or _ERROR_WITHOUT_LEVEL.search(line.text)
    return bool(marked and line.text and _GAVE_UP not in line.text)


def format_log(log: LiteRtLog) -> str:
    """The log as the current `benchmark_model` prints it, stdout and stderr in one.

    Operator tables are not printed: with an output file they go there. Nor is anything other tools say.
    """
    return "".join(f"{line}\n" for line in _log_lines(log))


def _log_lines(log: LiteRtLog) -> Iterator[str]:
    yield "INFO: STARTING!"
    yield from (f"WARN: {warning}" for warning in log.warnings)
    yield from (f"INFO: {name}: [{value}]" for name, value in log.params.items())
    if "Graph" in log.params:
        yield f"INFO: Loaded model {log.params['Graph']}"
    yield from format_delegates(log.delegates)
    if log.model_size_mb is not None:
        yield f"INFO: The input model file size (MB): {log.model_size_mb:g}"
    if log.session_init_ms is not None:
        yield f"INFO: Initialized session in {log.session_init_ms:g}ms."
    for stat, *announced in ((log.warmup, "warmup runs", "1", "0.5"), (log.measured, "num runs", "50", "1")):
        if stat is not None:
            yield _announcement(log.params, *announced)
            yield f"INFO: {format_stat(stat)}"
    yield from _timing_lines(log)
    yield from _memory_lines(log)
    yield from (f"ERROR: {error}" for error in log.errors)
    if log.failed:
        yield f"ERROR: {_GAVE_UP}."


def _announcement(params: Mapping[str, str], runs: str, least_runs: str, least_s: str) -> str:
    """The line before a series; what the params do not say is the tool's default."""
    count = params.get(f"Min {runs}", least_runs)
    least = params.get(f"Min {runs.removeprefix('num ')} duration (seconds)", least_s)
    most = params.get("Max runs duration (seconds)", "150")
    return (
        f"INFO: Running benchmark for at least {count} iterations and at least {least} seconds but terminate if"
        f" exceeding {most} seconds."
    )


def _timing_lines(log: LiteRtLog) -> Iterator[str]:
    timings = (
        ("Init", log.init_us, ".0f"),
        ("First inference", log.first_inference_us, ".0f"),
        ("Warmup (avg)", log.warmup_avg_us, "g"),
        ("Inference (avg)", log.inference_avg_us, "g"),
    )
    shown = [f"{name}: {value:{form}}" for name, value, form in timings if value is not None]
    if shown:
        yield f"INFO: Inference timings in us: {', '.join(shown)}"


def _memory_lines(log: LiteRtLog) -> Iterator[str]:
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
    if log.end_rss_mib is not None:
        yield "INFO: Memory status at the end of exeution:"
        yield f"INFO: - VmRSS              : {log.end_rss_mib:.0f} MB"
    if log.end_rss_anonymous_mib is not None:
        yield f"INFO: + RssAnnon           : {log.end_rss_anonymous_mib:.0f} MB"
    if log.end_rss_file_and_shared_mib is not None:
        yield f"INFO: + RssFile + RssShmem : {log.end_rss_file_and_shared_mib:.0f} MB"
