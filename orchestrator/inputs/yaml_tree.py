"""A YAML document as a tree of plain values that know their places in the file.

Paths into it are tuples of keys and indices. Lines and columns count from 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]


class WrittenFloat(float):
    """A number that remembers how it was written, so that `1.10` can be a name or a flag's value unchanged."""

    written: str

    def __new__(cls, written: str) -> "WrittenFloat":
        """From its text. Raises ValueError where that is no number."""
        made = super().__new__(cls, written)
        made.written = written
        return made


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something stands."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True, kw_only=True)
class Scalar:
    """Text, a number, a truth value or nothing. `text` is its spelling."""

    place: Place
    text: str
    value: str | int | float | bool | None
    height: int = 1
    size: int = 1


@dataclass(frozen=True, kw_only=True)
class ListNode:
    """A sequence. `height` and `size` count its levels and nodes as if every alias were written out."""

    place: Place
    items: Sequence["Node"]
    height: int
    size: int


@dataclass(frozen=True, kw_only=True)
class MapNode:
    """A mapping, in the file's order; keys are the text of scalars. `key_places` says where each key stands."""

    place: Place
    values: Mapping[str, "Node"]
    key_places: Mapping[str, Place] = field(default_factory=dict)
    height: int = 1
    size: int = 1


Node = Scalar | ListNode | MapNode


def plain(node: Node) -> Any:
    """The tree as dicts, lists, str, int, WrittenFloat, bool and None."""
    if isinstance(node, MapNode):
        return {key: plain(value) for key, value in node.values.items()}
    return [plain(item) for item in node.items] if isinstance(node, ListNode) else node.value


def child(node: Node, part: str | int) -> Node | None:
    """What a key or an index leads to, None where it leads nowhere."""
    if isinstance(node, MapNode) and isinstance(part, str):
        return node.values.get(part)
    if isinstance(node, ListNode) and isinstance(part, int) and 0 <= part < len(node.items):
        return node.items[part]
    return None


def place_of(node: Node, path: Path, *, key: bool = False) -> Place:
    """Where a value stands, or with `key` its key; where the path leads out of the tree, the last place on it."""
    for depth, part in enumerate(path):
        if key and depth == len(path) - 1 and isinstance(node, MapNode) and part in node.key_places:
            return node.key_places[str(part)]
        below = child(node, part)
        if below is None:
            break
        node = below
    return node.place


def without(root: MapNode, paths: set[Path]) -> MapNode:
    """The document without some keys (paths of one part) and list entries (of two); lists left empty go too."""
    kept: dict[str, Node] = {}
    for key, node in root.values.items():
        if (key,) in paths:
            continue
        if isinstance(node, ListNode):
            items = [item for index, item in enumerate(node.items) if (key, index) not in paths]
            if len(items) < len(node.items):
                node = ListNode(place=node.place, items=items, height=node.height, size=node.size)
            if not items:
                continue
        kept[key] = node
    return MapNode(place=root.place, values=kept, key_places=root.key_places, height=root.height, size=root.size)
