"""Which layer of one profile is which of another, and what became of each.

Layers are matched by name; where a name repeats, by its order. What stands for several of the other side is joined with
them. What is left is matched by operator, in order: a compiler that renames keeps the sequence.
"""

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import StrEnum

from orchestrator.domain.layer_fusion import Group, with_fusions
from orchestrator.domain.measurement import Layer

WORTH_TELLING = 0.10  # a layer's time must change by a tenth of itself
_NODE_ID = re.compile(r":\d+$")  # LiteRT numbers its nodes; one that goes renumbers those behind it
_ALIGNED = 40_000  # pairs of layers: twice 200
_AND_OF_TOTAL = 0.005  # and by half a percent of all layers' time, since short layers always differ


class LayerFate(StrEnum):
    """What became of a layer."""

    SLOWER = "slower"
    FASTER = "faster"
    MOVED = "moved"
    FUSED = "fused"
    SPLIT = "split"
    APPEARED = "appeared"
    GONE = "gone"
    SAME = "same"


@dataclass(frozen=True, kw_only=True)
class LayerChange:
    """A layer here and in the baseline; times in microseconds per inference, None where it is not there.

    `moved`: it runs on another compute unit, whatever its time does. `fused`: it stands for several layers of the
    baseline; `split`: several stand for it; their names are the `parts`, and the times are the sums of both sides.
    `share` is what it contributes to the change of all layers together, as a fraction, None where that is nothing.
    """

    name: str
    type: str
    fate: LayerFate
    time_us: float | None
    baseline_us: float | None
    unit: str = ""
    baseline_unit: str = ""
    parts: tuple[str, ...] = ()
    share: float | None = None

    @property
    def difference_us(self) -> float:
        """What the layer adds to the inference, or saves."""
        return (self.time_us or 0.0) - (self.baseline_us or 0.0)

    @property
    def has_moved(self) -> bool:
        """Whether it runs on another unit than before, in one piece or not."""
        return bool(self.unit and self.baseline_unit and self.unit != self.baseline_unit)


def compare_layers(layers: Sequence[Layer], baseline: Sequence[Layer]) -> tuple[LayerChange, ...]:
    """What became of every layer of either side, largest difference first; nothing unless both sides have layers."""
    if not layers or not baseline:
        return ()
    total_us = max(sum(layer.time_us for layer in baseline), 1e-9)
    found = [_change(here, there, total_us) for here, there in match_layers(layers, baseline)]
    change_us = sum(change.difference_us for change in found)
    if abs(change_us) > _AND_OF_TOTAL * total_us:
        found = [replace(change, share=change.difference_us / change_us) for change in found]
    return tuple(sorted(found, key=lambda change: -abs(change.difference_us)))


def match_layers(layers: Sequence[Layer], baseline: Sequence[Layer]) -> list[Group]:
    """Every layer of either side once, with what it is on the other."""
    here, there = _by_name(layers), _by_name(baseline)
    named: list[Group] = [((layer,), (there[key],) if key in there else ()) for key, layer in here.items()]
    gone: list[Group] = [((), (layer,)) for key, layer in there.items() if key not in here]
    found = with_fusions([*named, *gone])
    alone = [own[0] for own, other in found if not other]
    others = [other[0] for own, other in found if not own]
    return [*(group for group in found if all(group)), *_by_operator(_in_order(alone), _in_order(others))]


def _in_order(layers: Iterable[Layer]) -> list[Layer]:
    return sorted(layers, key=lambda layer: layer.index)


def _by_name(layers: Iterable[Layer]) -> dict[tuple[str, int], Layer]:
    seen: dict[str, int] = defaultdict(int)
    found = {}
    for layer in _in_order(layers):
        name = _NODE_ID.sub("", layer.name)
        found[name, seen[name]] = layer
        seen[name] += 1
    return found


def _by_operator(layers: Sequence[Layer], others: Sequence[Layer]) -> Iterable[Group]:
    """In pairs where they match. Of very many layers the first of an operator are paired: aligning takes too long."""
    if len(layers) * len(others) > _ALIGNED:
        yield from _first_of_each(layers, others)
        return
    matcher = SequenceMatcher(None, [layer.type for layer in layers], [layer.type for layer in others], autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        if tag == "equal":
            pairs = zip(layers[start:end], others[other_start:other_end], strict=True)
            yield from (((layer,), (other,)) for layer, other in pairs)
        else:
            yield from (((layer,), ()) for layer in layers[start:end])
            yield from (((), (other,)) for other in others[other_start:other_end])


def _first_of_each(layers: Sequence[Layer], others: Sequence[Layer]) -> Iterable[Group]:
    waiting: dict[str, deque[Layer]] = defaultdict(deque)
    for other in others:
        waiting[other.type].append(other)
    for layer in layers:
        found = waiting[layer.type]
        yield (layer,), (found.popleft(),) if found else ()
    yield from (((), (other,)) for left in waiting.values() for other in left)


def _change(here: tuple[Layer, ...], there: tuple[Layer, ...], total_us: float) -> LayerChange:
    one, parts = ((there or here)[0], here) if len(here) > 1 else ((here or there)[0], there)
    time_us, baseline_us = (sum(layer.time_us for layer in side) if side else None for side in (here, there))
    change = LayerChange(
        name=one.name,
        type=one.type,
        fate=LayerFate.SAME,
        time_us=time_us,
        baseline_us=baseline_us,
        unit=_unit(here),
        baseline_unit=_unit(there),
        parts=tuple(layer.name for layer in parts) if len(parts) > 1 else (),
    )
    return replace(change, fate=_fate(change, len(here), len(there), total_us))


def _unit(layers: Sequence[Layer]) -> str:
    """The unit of all of them, "" where they differ or it is not known."""
    units = {layer.compute_unit for layer in layers}
    return units.pop() if len(units) == 1 else ""


def _fate(change: LayerChange, here: int, there: int, total_us: float) -> LayerFate:
    if not there:
        return LayerFate.APPEARED
    if not here:
        return LayerFate.GONE
    if here != there:
        return LayerFate.FUSED if there > here else LayerFate.SPLIT
    if change.has_moved:
        return LayerFate.MOVED
    if abs(change.difference_us) < max(WORTH_TELLING * (change.baseline_us or 0.0), _AND_OF_TOTAL * total_us):
        return LayerFate.SAME
    return LayerFate.SLOWER if change.difference_us > 0 else LayerFate.FASTER
