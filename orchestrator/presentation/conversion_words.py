"""Conversions in words: by what, for which devices, and how far the converted model is from the original."""

from collections.abc import Iterable, Iterator

from orchestrator.domain.conversion import ConvertedModel, MeasuredFile
from orchestrator.presentation.text import MISSING, plural

_MOST_DEVICES = 3


def conversion_notices(converted: Iterable[ConvertedModel]) -> Iterator[str]:
    """One line for each converted model."""
    return (conversion_line(one) for one in converted)


def conversion_line(one: ConvertedModel) -> str:
    """What became of a model, in one line."""
    where = devices_in_words(one)
    if one.failure:
        return f"{one.failure}; nothing is measured on {where}"
    told = f"{one.name} goes to {where} as TFLite, converted by {one.converter}: {difference_words(one)}"
    return f"{told}, which is more than allowed and let pass by the plan" if one.beyond else told


def devices_in_words(one: ConvertedModel) -> str:
    """The first devices by name, and how many more."""
    more = len(one.devices) - _MOST_DEVICES
    return ", ".join(one.devices[:_MOST_DEVICES]) + (f" and {plural(more, 'more device')}" if more > 0 else "")


def difference_words(one: ConvertedModel | MeasuredFile) -> str:
    """ "differs from the original by at most 0.0003% of the largest value (2.9e-06), cosine 1.000000"."""
    found = one if isinstance(one, MeasuredFile) else one.difference
    if found is None or found.relative is None or found.absolute is None or found.cosine is None:
        return "how far it is from the original is not known"
    return (
        f"differs from the original by at most {share(found.relative)} of the largest value "
        f"({found.absolute:.3g}), cosine {found.cosine:.6f}"
    )


def share(fraction: float | None) -> str:
    """A share that may be tiny: "0.00012%"."""
    return MISSING if fraction is None else f"{fraction * 100:.2g}%" if fraction else "0%"
