"""The single figures of a LiteRT log: one pattern each, in whichever tool's words they stand.

`benchmark_model` says times in microseconds, the newer `benchmark_litert_model` in milliseconds with two decimals;
both count a MB of memory as 2^20 bytes and one of a file as 10^6.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.protocol.litert_stat import NUMBER, Stat, finite


@dataclass(frozen=True, kw_only=True)
class _Key:
    """`marker` is the plain text that a line must hold before the pattern is tried; group 1 is the number."""

    field: str
    marker: str
    pattern: re.Pattern[str]
    factor: float = 1.0


def _key(field: str, marker: str, pattern: str, factor: float = 1.0) -> _Key:
    return _Key(field=field, marker=marker, pattern=re.compile(pattern.replace("NUM", f"({NUMBER})")), factor=factor)


_SUMMARY = "nference timings in us: "
_FOOTPRINT = "emory footprint"
_KEYS = (
    _key("model_size_mb", "model file size", r"The input model file size \(MB\): NUM"),
    _key("session_init_ms", "Initialized session", r"Initialized session in NUM ?ms"),
    # "Average inference timings in us: Warmup: .., Init: .., Inference: .." is the oldest form, "no stats:" in some
    _key("init_us", _SUMMARY, r"Init: NUM"),
    _key("first_inference_us", _SUMMARY, r"First inference: NUM"),
    _key("warmup_avg_us", _SUMMARY, r"Warmup(?: \(avg\))?: NUM"),
    _key("inference_avg_us", _SUMMARY, r"(?:Inference(?: \(avg\))?|no stats): NUM"),
    # "Memory footprint delta from the start of the tool (MB): init=.. overall=..", older "Peak memory footprint (MB)"
    _key("memory_init_mib", _FOOTPRINT, r"\(MB\): init=NUM"),
    _key("memory_overall_mib", _FOOTPRINT, r"\(MB\): init=.{1,60}? overall=NUM"),
    _key("peak_mib", _FOOTPRINT, r"\(MB\) via periodic monitoring: NUM"),
    _key("end_rss_mib", "VmRSS", r"VmRSS +: NUM MB"),
    _key("end_rss_anonymous_mib", "RssAn", r"RssAnn?on +: NUM MB"),
    _key("end_rss_file_and_shared_mib", "RssFile", r"RssFile \+ RssShmem : NUM MB"),
    _key("init_us", "Model initialization:", r"Model initialization: +NUM ms", 1000),
    _key("first_inference_us", "Warmup (first):", r"Warmup \(first\): +NUM ms", 1000),
    _key("warmup_avg_us", "Warmup (avg):", r"Warmup \(avg\): +NUM ms", 1000),
    _key("inference_avg_us", "Inference (avg):", r"Inference \(avg\): +NUM ms", 1000),
    _key("input_mb_per_s", "Throughput:", r"Throughput: +NUM MB/s"),
    _key("memory_init_mib", "Init footprint:", r"Init footprint: +NUM MB"),
    _key("memory_overall_mib", "Overall footprint:", r"Overall footprint: +NUM MB"),
    _key("peak_mib", "Peak memory:", r"Peak memory: +NUM MB"),
)
_BLOCK = (
    _key("count", "Inference (avg):", r"Inference \(avg\): .{1,60}? ms \(NUM runs\)"),
    _key("avg_us", "Inference (avg):", r"Inference \(avg\): +NUM ms", 1000),
    _key("min_us", "Inference (min):", r"Inference \(min\): +NUM ms", 1000),
    _key("max_us", "Inference (max):", r"Inference \(max\): +NUM ms", 1000),
    _key("std_us", "Inference (std):", r"Inference \(std\): +NUM", 1000),
)


def parse_figures(texts: Iterable[str]) -> dict[str, float]:
    """Every figure found, by its field's name in the log; the first mention counts. Raises Unreadable on NaN."""
    return _find(_KEYS, texts)


def parse_block(texts: Iterable[str]) -> Stat | None:
    """The measured series as `benchmark_litert_model` sums it up, or None. Raises Unreadable on NaN."""
    found = _find(_BLOCK, texts)
    if "count" not in found or "avg_us" not in found:
        return None
    whole = {name: round(found[name]) for name in ("min_us", "max_us") if name in found}
    return Stat(count=int(found["count"]), **whole, avg_us=found["avg_us"], std_us=found.get("std_us"))


def _find(keys: Iterable[_Key], texts: Iterable[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in texts:
        for key in keys:
            if key.marker in text and key.field not in found and (match := key.pattern.search(text)):
                found[key.field] = finite(match[1]) * key.factor
    return found
