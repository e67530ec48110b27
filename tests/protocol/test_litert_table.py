"""Operator tables: old and new columns, as text and as CSV, only the run order, delegates apart (formats.md 1)."""

from pathlib import Path

import pytest

from orchestrator.protocol.litert_table import Operator, parse_tables
from orchestrator.protocol.unreadable import Unreadable

RULE = "=" * 30
CONV = Operator(
    type="CONV_2D",
    name="[conv1, conv2]:0",
    first_ms=4.269,
    avg_ms=4.1,
    percent=60.5,
    cumulative_percent=60.5,
    mem_kb=1.5,
    times_called=1,
)
OLD = f"""\
{RULE} Run Order {RULE}
\t             [node type]\t  [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                 CONV_2D\t    0.125\t    4.269\t    4.100\t 60.500%\t 60.500%\t     1.500\t        1\t[conv1, conv2]:0
"""
NEW = f"""\
{RULE} Run Order {RULE}
\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                 CONV_2D\t    4.269\t    4.100\t 60.500%\t 60.500%\t     1.500\t        1\t[conv1, conv2]:0
"""
CSV = f"""\
{RULE} Run Order {RULE}
node type, first, avg_ms, %, cdf%, mem KB, times called, name
CONV_2D, 4.269, 4.1, 60.5%, 60.5%, 1.5, 1, [conv1\t conv2]:0
"""
OLD_CSV = f"""\
{RULE} Run Order {RULE}
node type, start, first, avg_ms, %, cdf%, mem KB, times called, name
CONV_2D, 0.125, 4.269, 4.1, 60.5%, 60.5%, 1.5, 1, [conv1\t conv2]:0
"""
AFTERWARDS = f"""
{RULE} Top by Computation Time {RULE}
\t[node type]\t[first]\t[avg ms]\t[%]\t[cdf%]\t[mem KB]\t[times called]\t[Name]
\tCONV_2D\t4.269\t4.100\t60.500%\t60.500%\t1.500\t1\t[conv1]:0

Number of nodes executed: 1
{RULE} Summary by node type {RULE}
\t[Node type]\t[count]\t[avg ms]\t[avg %]\t[cdf %]\t[mem KB]\t[times called]
\tCONV_2D\t1\t4.100\t60.500%\t60.500%\t1.500\t1

Timings (microseconds): count=50 curr=4100(all same)
1 nodes observed
"""


@pytest.mark.parametrize(
    ("text", "start_ms"),
    [(OLD, 0.125), (NEW, None), (CSV, None), (OLD_CSV, 0.125)],
    ids=["old text", "text", "CSV", "old CSV"],
)
def test_columns_are_read_by_their_header(text: str, start_ms: float | None) -> None:
    assert parse_tables((text + AFTERWARDS).splitlines()).runs == (Operator(**{**vars(CONV), "start_ms": start_ms}),)


def test_types_with_commas_and_spaces_stay_whole() -> None:
    row = "Convolution (NHWC, F32) IGEMM 2, 4.269, 4.1, 60.5%, 60.5%, 1.5, 1, Delegate/Convolution (NHWC\t F32):0"
    (found,) = parse_tables([*CSV.splitlines()[:2], row]).runs
    assert (found.type, found.name) == ("Convolution (NHWC, F32) IGEMM 2", "Delegate/Convolution (NHWC, F32):0")


def test_initialisation_runs_and_delegates_are_kept_apart() -> None:
    def table(name: str) -> str:
        return NEW.replace("conv1", name)

    found = parse_tables(
        (
            f"Profiling Info for Benchmark Initialization:\n{table('init')}"
            f"Operator-wise Profiling Info for Regular Benchmark Runs:\nPrimary graph (name: main) profile:\n"
            f"{table('main')}Subgraph (index: 1, name: body) profile:\n{table('body')}"
            f"Delegate internal: \n{table('inside')}Primary graph (name: main) profile:\n{table('again')}"
        ).splitlines()
    )
    assert [row.name for row in found.init] == ["[init, conv2]:0"]
    assert [row.name for row in found.runs] == ["[main, conv2]:0", "[body, conv2]:0", "[again, conv2]:0"]
    assert [row.name for row in found.delegates] == ["[inside, conv2]:0"]


def test_the_newest_summary_is_read_as_it_was_printed(samples: Path) -> None:
    found = parse_tables((samples / "litert_profile_summary_2.3.txt").read_text().splitlines())
    assert (len(found.init), len(found.runs), len(found.delegates)) == (0, 24, 0)
    first = found.runs[0]
    assert (first.type, first.name) == ("Delegate/Convolution (NHWC, F32) IGEMM", "[Delegate]:0")
    assert (first.start_ms, first.times_called) == (0, 20)
    assert sum(row.percent for row in found.runs) == pytest.approx(100, abs=0.1)
    assert found.runs[-1].cumulative_percent == 100


@pytest.mark.parametrize(
    "header",
    ["[node type] [first] [Name]", "node type, first, avg_ms, %, cdf%, times called, name", "no header", ""],
)
def test_a_table_without_its_columns_is_none(header: str) -> None:
    assert parse_tables([f"{RULE} Run Order {RULE}", header, NEW.splitlines()[2]]).runs == ()


def test_the_share_of_no_time_is_nothing() -> None:
    (row,) = parse_tables(NEW.replace("60.500%", "-nan%").splitlines()).runs
    assert (row.percent, row.cumulative_percent) == (0, 0)


def test_a_time_that_is_not_finite_is_refused() -> None:
    with pytest.raises(Unreadable, match="not a finite number"):
        parse_tables(NEW.replace("4.100", "nan").splitlines())


def test_rows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.protocol.litert_table.MAX_OPERATORS", 3)
    with pytest.raises(Unreadable, match="more than 3 operators"):
        parse_tables([*NEW.splitlines(), *[NEW.splitlines()[2]] * 3])
