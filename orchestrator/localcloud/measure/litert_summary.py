"""The profiler's summary as the op profile that LiteRT's benchmark tool writes."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from orchestrator.protocol.litert_proto import (
    DelegateProfilingData,
    ModelProfilingData,
    OpProfile,
    OpProfileData,
    OpProfilingStat,
    SubGraphProfilingData,
)
from orchestrator.protocol.litert_stat import parse_stat
from orchestrator.protocol.litert_table import Operator, parse_tables

DELEGATE = "TfLiteXNNPackDelegate"

_TIMINGS = "Timings (microseconds):"
_BY_NUMBER = re.compile(r"\[Builtin\]:(\d{1,9})")
_INSIDE = "Delegate/"  # how the summary marks a delegate's own operators


def op_profile(summary: str, runs: int, operators: Sequence[tuple[str, str]] = ()) -> OpProfile:
    """The profile of so many recorded runs; `operators` are the file's, each with its type and its outputs' names.

    As in the tool's file, the subgraph has one operator for each delegate node, here with the sum of the kernels
    that it ran, and the kernels are beside it. Raises Unreadable on a summary that is none.
    """
    lines = summary.splitlines()
    total_us = _total_us(lines)
    rows = parse_tables(lines).runs
    own, inside = [], []
    for is_inside, neighbours in groupby(rows, key=lambda row: row.type.startswith(_INSIDE)):
        profiles = [_profile(_named(row, operators), total_us, runs) for row in neighbours]
        inside += profiles if is_inside else []
        own += [_delegate_node(profiles)] if is_inside else profiles
    subgraph = SubGraphProfilingData(subgraph_name="main", subgraph_index=0, per_op_profiles=_numbered(own))
    delegates = (DelegateProfilingData(per_op_profiles=_numbered(inside)),) if inside else ()
    return OpProfile(runtime_profile=ModelProfilingData(subgraph_profiles=(subgraph,), delegate_profiles=delegates))


def _total_us(lines: Iterable[str]) -> int:
    """The footer's sum over all operators and runs; 0 where there is none."""
    for line in lines:
        if _TIMINGS in line and (stat := parse_stat(line)):
            return stat.curr_us or 0
    return 0


def _named(row: Operator, operators: Sequence[tuple[str, str]]) -> Operator:
    """The summary numbers the file's operators ("[Builtin]:7"); the tool calls them by their outputs."""
    found = _BY_NUMBER.fullmatch(row.name)
    index = int(found[1]) if found else len(operators)
    if index >= len(operators) or operators[index][0] != row.type:
        return row
    return replace(row, name=f"{operators[index][1]}:{index}")


def _profile(row: Operator, total_us: int, runs: int) -> OpProfileData:
    """A row. Its share of the total says more than its average, which is rounded to whole microseconds."""
    return OpProfileData(
        node_type=row.type.removeprefix(_INSIDE),
        name=row.name,
        times_called=row.times_called // runs,
        inference_microseconds=_stat(round(row.first_ms * 1e3), round(row.percent / 100 * total_us), row.times_called),
    )


def _delegate_node(kernels: Sequence[OpProfileData]) -> OpProfileData:
    """The node that ran these kernels, called as often as the first of them."""
    stats = [kernel.inference_microseconds for kernel in kernels if kernel.inference_microseconds]
    first_us, sum_us = sum(stat.first or 0 for stat in stats), sum(stat.sum or 0 for stat in stats)
    return OpProfileData(
        node_type=DELEGATE,
        name=f"{DELEGATE} of {len(kernels)} kernels",
        times_called=kernels[0].times_called,
        inference_microseconds=_stat(first_us, sum_us, stats[0].count or 0),
    )


def _stat(first_us: int, sum_us: int, count: int) -> OpProfilingStat:
    """What the summary tells of a series; its extremes and its deviation it does not."""
    return OpProfilingStat(first=first_us, avg=sum_us // count if count else 0, sum=sum_us, count=count)


def _numbered(profiles: Iterable[OpProfileData]) -> tuple[OpProfileData, ...]:
    return tuple(replace(profile, run_order=place) for place, profile in enumerate(profiles))
