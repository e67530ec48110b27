"""ONNX Runtime's profile: one JSON event a line, times in whole microseconds since profiling began.

Versions up to 1.30.0 write node names unescaped, so a line may be no JSON. Events come in the order of their ends,
or sorted by time: nodes are given to their `model_run` by time alone.
"""

import json
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from sys import intern
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from orchestrator.protocol.unreadable import Unreadable

PROFILE_FILE = "onnxruntime-profile.json"
MAX_PROFILE_CHARS = 64 * 2**20
MAX_EVENTS = 1_000_000

_KERNEL = "_kernel_time"
_NAME_OPENS = re.compile(r'"name" ?: ?"')
_STRAY_COMMA = re.compile(r",(?=[\]}])|(?<=[\[{]),")
_Microseconds = Annotated[int, Field(ge=0, le=2**53)]


@dataclass(frozen=True, kw_only=True)
class ProfiledNode:
    """A node as executed, after graph optimisation. `mean_us` is its time per inference, `calls` how often in all."""

    name: str
    op_type: str
    provider: str
    node_index: int | None
    mean_us: float
    calls: int


@dataclass(frozen=True, kw_only=True)
class OnnxRuntimeProfile:
    """The nodes in the order they first ran, averaged over the `runs` that were kept.

    `load_us` and `init_us` are the session's, where recorded; `run_mean_us` is the mean of the kept runs as a whole.
    `truncated`: the runtime's limit of events, or an early end of the file, cut the last runs off.
    """

    load_us: int | None
    init_us: int | None
    runs: int
    run_mean_us: float
    nodes: tuple[ProfiledNode, ...]
    truncated: bool


class _Args(BaseModel):
    op_name: str = ""
    provider: str = ""
    node_index: int | None = None


class _WrittenEvent(BaseModel):
    name: str
    start_us: _Microseconds = Field(alias="ts")
    duration_us: _Microseconds = Field(alias="dur")
    thread: int = Field(alias="tid", default=0)
    args: _Args = _Args()


@dataclass(frozen=True, slots=True)
class _Event:
    """What is kept of an event; a long profile has a million of them."""

    name: str
    start_us: int
    duration_us: int
    thread: int
    args: tuple[str, str, int | None]

    @property
    def end_us(self) -> int:
        """When it ended; maybe one early, for its start and duration are both cut to whole microseconds."""
        return self.start_us + self.duration_us


def parse_profile(text: str, *, skip_runs: int = 0) -> OnnxRuntimeProfile:
    """Read a profile without its first `skip_runs` runs.

    Control-flow nodes keep the time of the nodes inside them, which are left out. Raises Unreadable where the text
    is empty (the process died before writing), no profile, or has no run left.
    """
    events, whole = _events(text)
    named = {event.name: event for event in reversed(events)}
    runs = sorted((event for event in events if event.name == "model_run"), key=lambda run: run.start_us)
    nodes = [event for event in events if event.name.endswith(_KERNEL)]
    kept = runs[skip_runs:]
    if not kept:
        reason = f"{len(runs)} runs, of which {skip_runs} are skipped"
        raise Unreadable(reason)
    by_run, orphans = _grouped(nodes, runs)
    loading = named.get("model_loading_uri") or named.get("model_loading_array")
    initialising = named.get("session_initialization")
    return OnnxRuntimeProfile(
        load_us=loading.duration_us if loading else None,
        init_us=initialising.duration_us if initialising else None,
        runs=len(kept),
        run_mean_us=sum(run.duration_us for run in kept) / len(kept),
        nodes=_averaged([_outermost(found) for found in by_run[skip_runs:]]),
        truncated=not whole or orphans or len(events) >= MAX_EVENTS,
    )


def _events(text: str) -> tuple[list[_Event], bool]:
    """All events, and whether the list is whole; only a list that was cut off may end in half an event."""
    if len(text) > MAX_PROFILE_CHARS:
        reason = f"longer than {MAX_PROFILE_CHARS >> 20} MiB"
        raise Unreadable(reason)
    if text.count("\n") > MAX_EVENTS + 10:
        reason = f"more than the {MAX_EVENTS} events that the runtime writes"
        raise Unreadable(reason)
    # Not splitlines: a name may hold what other formats take for the end of a line.
    lines = [line for line in map(str.strip, text.split("\n")) if line]
    if not lines or lines[0] != "[":
        reason = "not a profile of ONNX Runtime" if lines else "empty"
        raise Unreadable(reason)
    whole = lines[-1] == "]"
    body = lines[1 : -1 if whole else None]
    events = [_event(line.removesuffix(",")) for line in body[:MAX_EVENTS]]
    if not whole and events and events[-1] is None:
        events.pop()
    if None in events:
        reason = f"line {events.index(None) + 2} is no event"
        raise Unreadable(reason)
    return [event for event in events if event], whole


def _event(line: str) -> _Event | None:
    """The event in a line, repaired where it is no JSON; None where that does not help."""
    for repair in (str, _with_escaped_name):
        try:
            read = _WrittenEvent.model_validate_json(repair(line))
        except ValidationError:
            continue
        args = (intern(read.args.op_name), intern(read.args.provider), read.args.node_index)
        return _Event(intern(read.name), read.start_us, read.duration_us, read.thread, args)
    return None


def _with_escaped_name(line: str) -> str:
    """The line with its name escaped, and without the stray commas some versions wrote into shapes."""
    opening = _NAME_OPENS.search(line)
    args = line.rfind('"args"')
    if opening is None or args < opening.end():
        return line
    # What stands between is the name, its quote and a comma. Name and args may hold anything the other looks like.
    name = line[opening.end() : args].rstrip(" ,").removesuffix('"')
    return f"{line[: opening.end()]}{json.dumps(name)[1:]},{_STRAY_COMMA.sub('', line[args:])}"


def _grouped(nodes: Sequence[_Event], runs: Sequence[_Event]) -> tuple[list[list[_Event]], bool]:
    """The nodes of each run by time, and whether some came after the last run: a run whose event was dropped."""
    starts = [run.start_us for run in runs]
    groups: list[list[_Event]] = [[] for _ in runs]
    last_end_us = runs[-1].end_us + 1
    for node in nodes:
        at = bisect_right(starts, node.start_us) - 1
        if at >= 0 and node.start_us <= runs[at].end_us + 1:
            groups[at].append(node)
    return groups, any(node.start_us > last_end_us for node in nodes)


def _outermost(nodes: Sequence[_Event]) -> list[_Event]:
    """The nodes of one run in time order, without those that ran inside another node on its thread.

    A child starts strictly inside its parent; two neighbours may share a microsecond.
    """
    open_until: dict[int, tuple[int, int]] = {}
    kept = []
    for node in sorted(nodes, key=lambda node: node.start_us):
        start, end = open_until.get(node.thread, (0, 0))
        if start < node.start_us < end and node.end_us <= end:
            continue
        kept.append(node)
        open_until[node.thread] = (node.start_us, node.end_us)
    return kept


def _averaged(runs: Sequence[Sequence[_Event]]) -> tuple[ProfiledNode, ...]:
    durations: dict[tuple[str, str, str, int | None], list[int]] = defaultdict(list)
    for node in (node for run in runs for node in run):
        durations[node.name, *node.args].append(node.duration_us)
    return tuple(
        ProfiledNode(
            name=name.removesuffix(_KERNEL),
            op_type=op,
            provider=provider,
            node_index=at,
            mean_us=sum(times) / len(runs),
            calls=len(times),
        )
        for (name, op, provider, at), times in durations.items()
    )
