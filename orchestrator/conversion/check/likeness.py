"""How far apart the same output of two models is."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from orchestrator.conversion.check.layout import Array, readings

Figures = dict[str, Any]  # the fields of domain.conversion.OutputDifference without the name


def compare(original: Array, converted: Array) -> Figures:
    """The figures of the reading of the converted output that lies nearest to the original."""
    found = [_figures(original, way) for way in readings(converted, original.shape)]
    if not found:
        return {"why": f"it is {_by(original.shape)} in the original and {_by(converted.shape)} in the converted model"}
    return min(found, key=distance)


def distance(figures: Figures) -> float:
    """What tells the nearer of two apart."""
    return float("inf") if figures.get("why") else float(figures["relative"])


def total(figures: Iterable[Figures]) -> float:
    """The distance of all outputs together."""
    return sum(distance(found) for found in figures)


def _figures(original: Array, converted: Array) -> Figures:
    """In float64. What is no number must be the same in both, and then counts as no difference."""
    one, other = (array.astype(np.float64).ravel() for array in (original, converted))
    is_number = np.isfinite(one)
    if not np.array_equal(is_number, np.isfinite(other)) or not np.array_equal(
        one[~is_number], other[~is_number], equal_nan=True
    ):
        return {"why": "one of the two has values that are no numbers, where the other has others"}
    one, other = one[is_number], other[is_number]
    if not one.size:
        return {"absolute": 0.0, "relative": 0.0, "cosine": 1.0}
    absolute = float(np.max(np.abs(one - other)))
    scale = float(max(np.max(np.abs(one)), np.max(np.abs(other))))
    return {"absolute": absolute, "relative": absolute / scale if scale else 0.0, "cosine": _cosine(one, other, scale)}


def _cosine(one: Array, other: Array, scale: float) -> float:
    """Of vectors brought to a size whose squares are numbers; nothing but zeros is like nothing but zeros alone."""
    if not scale:
        return 1.0
    one, other = one / scale, other / scale  # type: ignore[operator]
    lengths = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(np.clip(np.dot(one, other) / lengths, -1.0, 1.0)) if lengths else 0.0


def _by(shape: Iterable[int]) -> str:
    return "x".join(map(str, shape)) or "a scalar"
