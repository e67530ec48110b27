"""How far integer inputs may count: a graph is walked from each input to the lookup tables that it indexes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Step:
    """A node of the graph. `rows` is set on a lookup by `reads`: how many rows the table has.

    A node with `rows` None hands values on unchanged (a cast, a reshape) to `gives`.
    """

    reads: str
    gives: Sequence[str] = ()
    rows: int | None = None


def index_bounds(inputs: Iterable[str], steps: Iterable[Step]) -> Mapping[str, int]:
    """For each input that indexes a table of known size, the rows of the smallest one it reaches."""
    readers: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        readers[step.reads].append(step)
    found = {}
    for name in inputs:
        rows = [step.rows for step in _reached(name, readers) if step.rows]
        if rows:
            found[name] = min(rows)
    return found


def _reached(name: str, readers: Mapping[str, Sequence[Step]]) -> Iterable[Step]:
    waiting, seen = [name], {name}
    while waiting:
        for step in readers.get(waiting.pop(), ()):
            yield step
            new = [value for value in step.gives if value not in seen]
            seen.update(new)
            waiting.extend(new)
