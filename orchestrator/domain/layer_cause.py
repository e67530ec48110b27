"""Why a cell got slower, or faster, as far as its layers tell: in words, and never as a certainty."""

from collections import defaultdict
from collections.abc import Sequence

from orchestrator.domain.layer_match import LayerChange, LayerFate

_WORTH_TELLING = 0.10  # of the change
_MOST = 3
_EXPLAINS = 0.5  # of the latency's change must be in the layers' own times, or they are no explanation
_ALL = 0.995


def likely_cause(layers: Sequence[LayerChange], change: float | None) -> str:
    """What most of a latency's change (a fraction) is in: "likely: conv1 took 80% of it, moved from NPU to CPU".

    "" where nothing changed, or where the layers' times do not show it.
    """
    before_us = sum(layer.baseline_us or 0.0 for layer in layers)
    if not change or before_us <= 0:
        return ""
    in_layers = sum(layer.difference_us for layer in layers) / before_us
    if in_layers * change <= 0 or abs(in_layers) < _EXPLAINS * abs(change):
        return ""
    verb = "took" if change > 0 else "saved"
    told = [_words(found, share, verb) for found, share in _shares(layers) if share >= _WORTH_TELLING][:_MOST]
    return f"likely: {'; '.join(told or [_spread_out(layers, change)])}"


def _shares(layers: Sequence[LayerChange]) -> list[tuple[list[LayerChange], float]]:
    """Layers with their share of the change, largest first; those that moved the same way are told together."""
    groups: dict[object, list[LayerChange]] = defaultdict(list)
    for place, layer in enumerate(layers):
        if layer.fate is not LayerFate.SAME:
            groups[(layer.baseline_unit, layer.unit) if layer.has_moved else place].append(layer)
    found = [(group, sum(layer.share or 0.0 for layer in group)) for group in groups.values()]
    return sorted(found, key=lambda pair: -pair[1])


def _words(layers: Sequence[LayerChange], share: float, verb: str) -> str:
    of_it = "all of it" if share >= _ALL else f"{share:.0%} of it"
    first = layers[0]
    if len(layers) == 1:
        return f"{first.name} {verb} {of_it}, {fate_words(first)}"
    way = f"from {first.baseline_unit} to {first.unit}"
    return f"{len(layers)} layers {verb} {of_it}, moved {way} ({first.name} most of all)"


def fate_words(layer: LayerChange) -> str:
    """What became of a layer: "moved from NPU to CPU", "fused from conv1, relu1"."""
    moved = f"moved from {layer.baseline_unit} to {layer.unit}" if layer.has_moved else ""
    names = ", ".join(layer.parts[:_MOST]) + (
        f" and {len(layer.parts) - _MOST} more" if len(layer.parts) > _MOST else ""
    )
    match layer.fate:
        case LayerFate.FUSED:
            told = f"fused from {names}"
        case LayerFate.SPLIT:
            told = f"split into {names}"
        case LayerFate.MOVED:
            return moved
        case LayerFate.APPEARED:
            told = "a new layer"
        case LayerFate.SAME:
            told = "the same"
        case _:
            told = layer.fate.value
    return f"{told}, {moved}" if moved else told


def _spread_out(layers: Sequence[LayerChange], change: float) -> str:
    fate = LayerFate.SLOWER if change > 0 else LayerFate.FASTER
    alike = sum(layer.fate is fate for layer in layers)
    most = max(layer.share or 0.0 for layer in layers)
    return f"{alike} of {len(layers)} layers are {fate.value}, none more than {most:.0%} of it"
