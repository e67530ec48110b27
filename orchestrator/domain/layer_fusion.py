"""Layers that stand for several on the other side: a compiler fused them, or no longer does.

A layer holds others whose names, or whose operators, are found in its own in their order ("conv1+relu1", "ConvRelu").
Where a name or operator says "fused", what follows the first, up to the next of its kind, is in it too. A delegate is
one layer whatever it runs, so it holds all that has no other counterpart in its place.
"""

from collections.abc import Mapping, Sequence

from orchestrator.domain.measurement import Layer

Group = tuple[tuple[Layer, ...], tuple[Layer, ...]]  # here and in the baseline: one a side, none, or several
_WIDEST = 50  # layers that are looked at between two counterparts


def with_fusions(groups: Sequence[Group]) -> list[Group]:
    """The groups of at most one layer a side, those joined of which one side's layer holds several of the other's."""
    fused = _joined(groups)
    return [(here, there) for there, here in _joined([(there, here) for here, there in fused])]


def _joined(groups: Sequence[Group]) -> list[Group]:
    """With the first side's layers as those that hold, the second's as those that are held."""
    order = sorted((layer for _, there in groups for layer in there), key=lambda layer: layer.index)
    place = {id(layer): position for position, layer in enumerate(order)}
    free = {id(there[0]) for here, there in groups if not here}
    holders = sorted((group for group in groups if group[0]), key=lambda group: group[0][0].index)
    joined, begin = [], 0
    for (here, there), end in zip(holders, _ends(holders, place), strict=True):
        widest = len(order) if _is_delegate(here[0]) else _WIDEST
        room = [layer for layer in order[begin : min(end, begin + widest)] if id(layer) in free or layer in there]
        found = _held(here[0], room, there) if len(here) == 1 and len(there) < 2 else ()
        free -= {id(layer) for layer in found}
        joined.append((here, found or there))
        begin = max([begin, *(place[id(layer)] + 1 for layer in found or there)])
    return joined + [group for group in groups if not group[0] and id(group[1][0]) in free]


def _ends(holders: Sequence[Group], place: Mapping[int, int]) -> list[int]:
    """For each group where the next counterpart begins: what it holds lies before."""
    ends, end = [], len(place)
    for _, there in reversed(holders):
        ends.append(end)
        end = min([end, *(place[id(layer)] for layer in there)])
    return ends[::-1]


def _is_delegate(layer: Layer) -> bool:
    return "delegate" in layer.type.lower()


def _held(one: Layer, room: Sequence[Layer], own: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The longest stretch of the room that the layer holds, its own counterpart among them; else none."""
    if _is_delegate(one) and not own:
        return tuple(room)
    stretches = (_stretch(one, room[start:]) for start in range(len(room)))
    fitting = [tuple(found) for found in stretches if len(found) > 1 and set(own) <= set(found)]
    return max(fitting, key=len, default=())


def _stretch(one: Layer, room: Sequence[Layer]) -> Sequence[Layer]:
    by_name = _count(one.name, [layer.name for layer in room], whole=True)
    by_operator = _count(one.type.lower(), [layer.type.lower() for layer in room], whole=False)
    count = max(by_name, by_operator)
    if count and "fused" in f"{one.name} {one.type}".lower() and room[0].type != one.type:
        following = (place for place, layer in enumerate(room) if place and layer.type == room[0].type)
        return room[: max(count, next(following, len(room)))]
    return room[:count]


def _count(text: str, parts: Sequence[str], *, whole: bool) -> int:
    """How many of the parts, from the first on, the text holds one after the other; `whole`: not as part of a word."""
    at = 0
    for count, part in enumerate(parts):
        found = _find(text, part, at, whole=whole)
        if found < 0:
            return count
        at = found + len(part)
    return len(parts)


def _find(text: str, part: str, at: int, *, whole: bool) -> int:
    while part and (at := text.find(part, at)) >= 0:
        end = at + len(part)
        if not (whole and (text[at - 1 : at].isalnum() or text[end : end + 1].isalnum())):
            return at
        at += 1
    return -1
