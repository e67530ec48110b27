"""How the axes of a converted tensor lie: as in the original, or with the channels last, as TFLite has them."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
ANY = -1  # a size that may be anything


def channels_last(rank: int) -> tuple[int, ...]:
    """The order of an original's axes (batch, channels, ...) in a converted tensor; none below three."""
    return (0, *range(2, rank), 1) if rank > 2 else ()


def fits(shape: Sequence[int], signature: Sequence[int]) -> bool:
    """Whether a tensor of that shape can be given."""
    return len(shape) == len(signature) and all(
        wanted in (ANY, size) for size, wanted in zip(shape, signature, strict=True)
    )


def arranged(array: Array, signature: Sequence[int], *, last: bool) -> Array | None:
    """An original's input as the converted model takes it: `last` prefers channels last where both fit."""
    order = channels_last(array.ndim)
    ways = [array, np.transpose(array, order)] if order else [array]
    for way in reversed(ways) if last else ways:
        if fits(way.shape, signature):
            return way
    return None


def readings(converted: Array, shape: Sequence[int]) -> Iterator[Array]:
    """The ways to read a converted output as one of the original's shape."""
    order = channels_last(converted.ndim)
    ways = [converted, np.transpose(converted, np.argsort(order))] if order else [converted]
    yield from (way for way in ways if way.shape == tuple(shape))
    if all(way.shape != tuple(shape) for way in ways) and _without_ones(converted.shape) == _without_ones(shape):
        yield converted.reshape(tuple(shape))


def _without_ones(shape: Sequence[int]) -> list[int]:
    return [size for size in shape if size != 1]
