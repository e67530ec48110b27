"""Conversions in words: by what, for which devices, how far from the original, and what the hub has of them."""

from collections import Counter
from collections.abc import Iterable, Iterator

from orchestrator.domain.conversion import ConvertedModel, MeasuredFile
from orchestrator.domain.job import JobResult
from orchestrator.presentation.text import MISSING, percent, plural

_MOST_DEVICES = 3
_LEAST_SHARE = 1e-5


def conversion_notices(converted: Iterable[ConvertedModel]) -> Iterator[str]:
    """One line for each converted model."""
    return (conversion_line(one) for one in converted)


def conversion_line(one: ConvertedModel) -> str:
    """What became of a model, in one line."""
    where = devices_in_words(one)
    if one.failure:
        return f"{one.failure}; nothing is measured on {where}"
    told = f"{one.name} goes to {where} as TFLite, converted by {one.converter}: {_difference(one)}"
    return f"{told}; {beyond_words(one)}" if one.beyond else told


def devices_in_words(one: ConvertedModel) -> str:
    """The first devices by name, and how many more."""
    more = len(one.devices) - _MOST_DEVICES
    return ", ".join(one.devices[:_MOST_DEVICES]) + (f" and {plural(more, 'more device')}" if more > 0 else "")


def beyond_words(one: ConvertedModel) -> str:
    """What its difference exceeds, which the plan lets pass where it was measured all the same."""
    return f"beyond the tolerance, which the plan lets pass: {'; '.join(one.beyond)}" if one.beyond else ""


def hub_words(one: ConvertedModel, jobs: Iterable[JobResult]) -> Iterator[str]:
    """Where the hub tells of it, and which jobs' runs do not lie below that, why."""
    if one.hub_run_id:
        yield f"COMPILE run {one.hub_run_id}"
    if one.refused:
        yield f"not logged on the hub: {one.refused}"
    orphaned = Counter(job.orphaned for job in jobs if job.orphaned and one.serves(job.key.cell) and not one.refused)
    for reason, count in orphaned.items():
        yield f"{plural(count, 'PROFILE run')} without it as the parent: {reason}"


def file_in_short(file: MeasuredFile) -> str:
    """What a number was measured with, for a column: "tflite, converted by onnx2tf 2.6.9, differs by 0.012%"."""
    return f"{file}, differs by {share(file.relative)}" if file.converted_by else str(file)


def file_words(file: MeasuredFile) -> str:
    """What a number was measured with, in one line."""
    if not file.converted_by:
        return str(file)
    far = f"differs from the original by {share(file.relative)} ({figure(file.absolute)}), cosine {cosine(file.cosine)}"
    return f"{file}; {far}"


def _difference(one: ConvertedModel) -> str:
    found = one.difference
    if found is None or not found.is_whole:
        return "how far it is from the original is not known"
    if found.absolute == 0:
        return "its outputs are those of the original"
    return (
        f"its outputs differ from the original's by {share(found.relative)} of the largest value "
        f"({figure(found.absolute)}), cosine {cosine(found.cosine)}"
    )


def share(fraction: float | None) -> str:
    """A share that may be tiny: "12%", "0.012%", "under 0.001%"."""
    if not fraction or fraction >= 0.01:
        return percent(fraction)
    return f"{100 * fraction:.3f}%" if fraction >= _LEAST_SHARE else f"under {100 * _LEAST_SHARE:.3f}%"


def figure(value: float | None) -> str:
    """A number that may be tiny: "2.9e-06"."""
    return MISSING if value is None else f"{value:.2g}"


def cosine(value: float | None) -> str:
    """With the digits that tell likeness: "0.999998"."""
    return MISSING if value is None else f"{value:.6f}"
