"""Lines of a LiteRT log without what their way put in front of them.

The tool's own lines go to stdout (older builds without a level, newer with `INFO: `), errors to stderr, and on
Android the same text to logcat, whose prefix has many forms.
"""

import re
from dataclasses import dataclass

from orchestrator.protocol.unreadable import Unreadable

MAX_LOG_CHARS = 16 * 2**20
MAX_LINES = 100_000
# Longer lines are cut: no figure stands that far to the right.
MAX_LINE_CHARS = 64 * 1024

_TIME = r"(?:\d{4}-)?\d\d-\d\d +\d\d:\d\d:\d\d[.,]\d{1,9}"
_FORERUNNERS = (
    # 01-31 02:00:00.123  1234  5678 I tflite  : text            (threadtime; a user may stand before the process)
    re.compile(rf"{_TIME} +(?:[\w.]{{1,20}} +)?\d{{1,10}} +\d{{1,10}} +(?P<level>[VDIWEF]) +\S{{1,60}} *: ?"),
    # 2026-01-31 02:00:00.123  1234-5678  tflite  org.example.app  I  text             (Android Studio)
    re.compile(rf"{_TIME} +\d{{1,10}}-\d{{1,10}} +\S{{1,60}} +\S{{1,100}} +(?P<level>[VDIWEF]) +"),
    # I/tflite  ( 1234): text                                    (brief, tag, time)
    re.compile(rf"(?:{_TIME} +)?(?P<level>[VDIWEF])/[^\s(:]{{1,60}} *(?:\( *\d{{1,10}}\))?: ?"),
    # 2018-01-31 02:00:00.123456: I tensorflow/tools/benchmark.cc:361] text        (TensorFlow's logger)
    re.compile(rf"{_TIME}: (?P<level>[IWEF]) \S{{1,200}}\] ?"),
)
_LEVEL = re.compile(r"(INFO|WARN|WARNING|ERROR|FATAL|VERBOSE|DEBUG): ")
_LETTERS = {"E": "ERROR", "F": "FATAL"}


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line's own text, and its level as a word: ERROR and FATAL are always given, others where they were written."""

    level: str
    text: str


def split_log(log: str) -> list[LogLine]:
    """The lines that are not empty. Raises Unreadable beyond MAX_LOG_CHARS and MAX_LINES."""
    if len(log) > MAX_LOG_CHARS:
        reason = f"longer than {MAX_LOG_CHARS >> 20} MiB"
        raise Unreadable(reason)
    if log.count("\n") > MAX_LINES:
        reason = f"more than {MAX_LINES} lines"
        raise Unreadable(reason)
    return [_log_line(line[:MAX_LINE_CHARS].strip()) for line in log.split("\n") if line and not line.isspace()]


def _log_line(line: str) -> LogLine:
    level = ""
    if line[0].isdigit() or line[1:2] == "/":
        found = next(filter(None, (pattern.match(line) for pattern in _FORERUNNERS)), None)
        if found:
            level, line = _LETTERS.get(found["level"], ""), line[found.end() :]
    if found := _LEVEL.match(line):
        level, line = found[1], line[found.end() :]
    return LogLine(level=level, text=line)
