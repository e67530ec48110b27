"""What a LiteRT log says about delegates: which were made, which nodes they took, and how much of the model."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Extent = Literal["complete", "partial", "none"]

_CREATED = re.compile(r"Created TensorFlow Lite (?:(\S{1,60}) )?delegate for ([^.]{1,60})\.")
_REPLACING = re.compile(
    r"Replacing (\d{1,9}) out of (\d{1,9}) node\(s\) with delegate \((.{1,100}?)\) node, yielding (\d{1,9}) partitions"
    r"(?: for subgraph (\d{1,9}))?"
)
_APPLIED = re.compile(
    r"Explicitly applied (.{1,100}?) delegate, and the model graph will be (completely|partially) executed by the"
    r" delegate(?: w/ (\d{1,9}) delegate kernels)?"
)
_UNUSED = re.compile(r"Though (.{1,100}?) delegate is explicitly applied, the model graph will not be executed")


@dataclass(frozen=True, kw_only=True)
class Created:
    """A delegate that was made: its name ("" where the log gives only the target) and what it is for (CPU, GPU)."""

    name: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """Nodes that a delegate took over in one subgraph; older logs do not number the subgraph."""

    delegate: str
    replaced_nodes: int
    total_nodes: int
    partitions: int
    subgraph: int | None = None


@dataclass(frozen=True, kw_only=True)
class Applied:
    """How much of the model an explicitly wanted delegate runs. "complete" leaves exactly one node."""

    name: str
    extent: Extent
    kernels: int | None = None


@dataclass(frozen=True, kw_only=True)
class Delegates:
    """All delegate lines of a log. The three kinds name one delegate differently, so they are kept apart."""

    created: tuple[Created, ...] = ()
    replacements: tuple[Replacement, ...] = ()
    applied: tuple[Applied, ...] = ()


def parse_delegates(lines: Iterable[str]) -> Delegates:
    """The delegate lines among others."""
    created, replacements, applied = [], [], []
    for line in lines:
        if "elegat" not in line:
            continue
        if found := _CREATED.search(line):
            created.append(Created(name=found[1] or "", target=found[2]))
        elif found := _REPLACING.search(line):
            replacements.append(_replacement(found))
        elif found := _APPLIED.search(line):
            extent: Extent = "complete" if found[2] == "completely" else "partial"
            applied.append(Applied(name=found[1], extent=extent, kernels=int(found[3]) if found[3] else None))
        elif found := _UNUSED.search(line):
            applied.append(Applied(name=found[1], extent="none"))
    # On Apple's systems the runtime prints its own lines twice.
    return Delegates(created=tuple(dict.fromkeys(created)), replacements=tuple(replacements), applied=tuple(applied))


def _replacement(found: re.Match[str]) -> Replacement:
    return Replacement(
        replaced_nodes=int(found[1]),
        total_nodes=int(found[2]),
        delegate=found[3],
        partitions=int(found[4]),
        subgraph=int(found[5]) if found[5] else None,
    )


def format_delegates(delegates: Delegates) -> list[str]:
    """The lines as the runtime and the tool print them, with their prefixes."""
    return [
        *(_created_line(made) for made in delegates.created),
        *(_replacing_line(taken) for taken in delegates.replacements),
        *(_applied_line(applied) for applied in delegates.applied),
    ]


def _created_line(made: Created) -> str:
    return f"INFO: Created TensorFlow Lite {made.name + ' ' if made.name else ''}delegate for {made.target}."


def _replacing_line(taken: Replacement) -> str:
    where = "" if taken.subgraph is None else f" for subgraph {taken.subgraph}"
    return (
        f"VERBOSE: Replacing {taken.replaced_nodes} out of {taken.total_nodes} node(s) with delegate"
        f" ({taken.delegate}) node, yielding {taken.partitions} partitions{where}."
    )


def _applied_line(applied: Applied) -> str:
    if applied.extent == "none":
        return (
            f"INFO: Though {applied.name} delegate is explicitly applied, the model graph will not be executed by the"
            " delegate."
        )
    kernels = "" if applied.kernels is None else f" w/ {applied.kernels} delegate kernels"
    adverb = "completely" if applied.extent == "complete" else "partially"
    return (
        f"INFO: Explicitly applied {applied.name} delegate, and the model graph will be {adverb} executed by the"
        f" delegate{kernels}."
    )
