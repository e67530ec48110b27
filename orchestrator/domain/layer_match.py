"""Which layer of one profile is which of another, and what became of each.

Layers are matched by name; where a name repeats, by its order. What is left between two matched neighbours is matched
by operator, in order: a compiler that renames keeps the sequence.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from orchestrator.domain.measurement import Layer

WORTH_TELLING = 0.10  # a layer's time must change by a tenth of itself
_AND_OF_TOTAL = 0.005  # and by half a percent of all layers' time, since short layers always differ


class LayerFate(StrEnum):
    """What became of a layer."""

    SLOWER = "slower"
    FASTER = "faster"
    MOVED = "moved"
    APPEARED = "appeared"
    GONE = "gone"
    SAME = "same"


@dataclass(frozen=True, kw_only=True)
class LayerChange:
    """A layer here and in the baseline; times in microseconds per inference, None where it is not there.

    `moved`: it runs on another compute unit, whatever its time does.
    """

    name: str
    type: str
    fate: LayerFate
    time_us: float | None
    baseline_us: float | None
    unit: str = ""
    baseline_unit: str = ""

    @property
    def difference_us(self) -> float:
        """What the layer adds to the inference, or saves."""
        return (self.time_us or 0.0) - (self.baseline_us or 0.0)


def compare_layers(layers: Sequence[Layer], baseline: Sequence[Layer]) -> tuple[LayerChange, ...]:
    """What became of every layer of either side, largest difference first; nothing unless both sides have layers."""
    if not layers or not baseline:
        return ()
    total_us = max(sum(layer.time_us for layer in baseline), 1e-9)
    found = [_change(here, there, total_us) for here, there in match_layers(layers, baseline)]
    return tuple(sorted(found, key=lambda change: -abs(change.difference_us)))


def match_layers(layers: Sequence[Layer], baseline: Sequence[Layer]) -> list[tuple[Layer | None, Layer | None]]:
    """Every layer of either side once, in pairs where they are the same."""
    there = _by_name(baseline)
    pairs = {key: (layer, there.get(key)) for key, layer in _by_name(layers).items()}
    alone = [layer for layer, other in pairs.values() if other is None]
    others = [layer for key, layer in there.items() if key not in pairs]
    matched = [(layer, other) for layer, other in pairs.values() if other is not None]
    return [*matched, *_by_operator(alone, others)]


def _by_name(layers: Iterable[Layer]) -> dict[tuple[str, int], Layer]:
    seen: dict[str, int] = defaultdict(int)
    found = {}
    for layer in sorted(layers, key=lambda layer: layer.index):
        found[layer.name, seen[layer.name]] = layer
        seen[layer.name] += 1
    return found


def _by_operator(layers: Sequence[Layer], others: Sequence[Layer]) -> Iterable[tuple[Layer | None, Layer | None]]:
    matcher = SequenceMatcher(None, [layer.type for layer in layers], [layer.type for layer in others], autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        if tag == "equal":
            yield from zip(layers[start:end], others[other_start:other_end], strict=True)
        else:
            yield from ((layer, None) for layer in layers[start:end])
            yield from ((None, other) for other in others[other_start:other_end])


def _change(here: Layer | None, there: Layer | None, total_us: float) -> LayerChange:
    named = here or there
    assert named is not None, "a pair holds at least one layer"
    return LayerChange(
        name=named.name,
        type=named.type,
        fate=_fate(here, there, total_us),
        time_us=here.time_us if here else None,
        baseline_us=there.time_us if there else None,
        unit=here.compute_unit if here else "",
        baseline_unit=there.compute_unit if there else "",
    )


def _fate(here: Layer | None, there: Layer | None, total_us: float) -> LayerFate:
    if there is None:
        return LayerFate.APPEARED
    if here is None:
        return LayerFate.GONE
    if here.compute_unit and there.compute_unit and here.compute_unit != there.compute_unit:
        return LayerFate.MOVED
    difference = here.time_us - there.time_us
    if abs(difference) < max(WORTH_TELLING * there.time_us, _AND_OF_TOTAL * total_us):
        return LayerFate.SAME
    return LayerFate.SLOWER if difference > 0 else LayerFate.FASTER
