"""The child's end: read the order, import what is heavy, raise the walls, work, speak in JSON lines."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TextIO

from orchestrator.sandbox.confine import confine, die_with_parent
from orchestrator.sandbox.memory import memory_of

MESSAGE_CHARACTERS = 4000  # of an error, which may quote the model


class Say(Protocol):
    """Writes one JSON line with these fields to the parent. Values that JSON has not (NaN) are a ValueError."""

    def __call__(self, **fields: Any) -> None: ...


def _nothing() -> None:
    """The `prepare` of a child that needs none."""


def serve(work: Callable[[dict[str, Any], Say], None], *, prepare: Callable[[], None] = _nothing) -> None:
    """The main of a child module that `run_child` starts.

    `prepare` runs before the walls stand: imports belong there, nothing that touches hostile input. Then comes the
    line {"stage": "ready", "walls": {...}} and `work(spec, say)`. An exception becomes the last line,
    {"stage": "error", "type", "message"}, and the exit code 1; the stage "end", which `run_child` keeps to itself, is
    not for `work` to say. What others print to stdout goes to stderr.
    """
    order = json.load(sys.stdin)
    lines = _take_stdout()

    def say(**fields: Any) -> None:
        lines.write(json.dumps(fields, allow_nan=False) + "\n")
        lines.flush()

    tied = die_with_parent(order["parent"])
    try:
        prepare()
        readable = [Path(path) for path in order["readable"]]
        walls = confine(order["limits"], readable=readable, scratch=Path(order["scratch"]))
        say(stage="ready", walls={"dies_with_parent": tied, **walls})
        work(order["spec"], say)
    except Exception as error:  # the border: what happens here can be told in no other way
        say(stage="error", type=type(error).__name__, message=str(error)[:MESSAGE_CHARACTERS])
        sys.exit(1)
    finally:
        say(stage="end", peak_mb=memory_of().peak_mb)


def _take_stdout() -> TextIO:
    """Stdout for the messages alone: descriptor 1 becomes a second stderr."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return lines
