"""The operator tables of LiteRT's profiler, as text in the log or in a CSV file.

One file holds several sections with titles; only "Run Order" lists each operator once. The header names the
columns, and versions differ in them, so rows are read by it: separators are tabs, commas or spaces.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from orchestrator.protocol.litert_stat import NUMBER, finite
from orchestrator.protocol.unreadable import Unreadable

MAX_OPERATORS = 100_000
MAX_TYPE_WORDS = 20

_COLUMNS = {
    "start": "start_ms",
    "first": "first_ms",
    "avg ms": "avg_ms",
    "avg_ms": "avg_ms",
    "%": "percent",
    "cdf%": "cumulative_percent",
    "mem kb": "mem_kb",
    "times called": "times_called",
}
_ALWAYS = frozenset(_COLUMNS.values()) - {"start_ms"}
_PHASE = re.compile(r"Profiling Info for (?:(?P<init>Benchmark Initialization)|Regular Benchmark Runs)")
_PART = re.compile(r"(?P<internal>Delegate internal)|(?:Primary graph|Subgraph) \(")
_RULE = "====="
_HEADER_NAME = re.compile(r"\[([^\[\]]{1,40})\]")
_TOKEN = re.compile(r"[^\s,]+")
_NUMBER = re.compile(rf"{NUMBER}%?")


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One row. Times are per call (`first_ms`, `avg_ms`); `start_ms` only old and newest versions print.

    `name` reads `[output tensors]:node index`.
    """

    type: str
    name: str
    first_ms: float
    avg_ms: float
    percent: float
    cumulative_percent: float
    mem_kb: float
    times_called: int
    start_ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class OperatorTables:
    """Operators in run order: of initialisation, of the runs, and (never to be added to those) inside delegates."""

    init: tuple[Operator, ...] = ()
    runs: tuple[Operator, ...] = ()
    delegates: tuple[Operator, ...] = ()


def parse_tables(lines: Iterable[str]) -> OperatorTables:
    """The operators in the lines of a log, of a CSV file, or of the profiler's own summary; other lines are passed.

    Raises Unreadable on NaN, infinity, or more than MAX_OPERATORS rows.
    """
    tables: dict[str, list[Operator]] = {"init": [], "runs": [], "delegates": []}
    phase = table = "runs"
    columns: tuple[str, ...] = ()
    header_next = False
    for line in lines:
        if mark := _PHASE.search(line):
            phase = table = "init" if mark["init"] else "runs"
        elif mark := _PART.search(line):
            table = "delegates" if mark["internal"] else phase
        elif _RULE in line:
            columns, header_next = (), line.strip("= \t\n") == "Run Order"
        elif header_next:
            columns, header_next = _columns(line), False
        elif columns and (row := _row(line, columns)):
            tables[table].append(row)
            _check_count(tables)
    return OperatorTables(**{name: tuple(rows) for name, rows in tables.items()})


def _check_count(tables: Mapping[str, Sequence[Operator]]) -> None:
    if sum(map(len, tables.values())) > MAX_OPERATORS:
        reason = f"more than {MAX_OPERATORS} operators"
        raise Unreadable(reason)


def _columns(header: str) -> tuple[str, ...]:
    """The number columns between type and name as fields, "" for new ones; none where the line is no header."""
    names = _HEADER_NAME.findall(header) or header.split(",")
    plain = [name.strip().lower() for name in names]
    columns = tuple(_COLUMNS.get(name, "") for name in plain[1:-1])
    known = plain[0] == "node type" and plain[-1] == "name" and set(columns) - {""} >= _ALWAYS
    return columns if known else ()


def _row(line: str, columns: tuple[str, ...]) -> Operator | None:
    """An operator, where enough numbers stand side by side, with % signs where the columns have them."""
    tokens = list(islice(_TOKEN.finditer(line), MAX_TYPE_WORDS + len(columns)))
    for at in range(len(tokens) - len(columns) + 1):
        cells = [token[0] for token in tokens[at : at + len(columns)]]
        if all(map(_fits, cells, columns)):
            kind, name = line[: tokens[at].start()], line[tokens[at + len(columns) - 1].end() :]
            return _operator(kind.strip(" \t,"), name, dict(zip(columns, cells, strict=True)))
    return None


def _fits(cell: str, column: str) -> bool:
    return bool(_NUMBER.fullmatch(cell)) and cell.endswith("%") == column.endswith("percent")


def _operator(kind: str, name: str, cells: Mapping[str, str]) -> Operator:
    numbers: dict[str, Any] = {column: _number(cell) for column, cell in cells.items() if column}
    # In CSV the commas inside a name were written as tabs.
    plain = name.strip(" \t,").replace("\t", ",")
    return Operator(type=kind, name=plain, **numbers | {"times_called": int(numbers["times_called"])})


def _number(cell: str) -> float:
    """Raises Unreadable on NaN and infinity; but the share of no time at all, which is printed as NaN, is 0."""
    return 0.0 if cell.lstrip("+-") == "nan%" else finite(cell.rstrip("%"))
