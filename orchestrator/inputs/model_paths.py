"""The model files that a plan means: paths and globs relative to it, each file once.

A file that is named without wildcards is left out of the globs: so one model of a folder can be given its own settings.
"""

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from orchestrator.domain.conversion import ConversionPolicy
from orchestrator.domain.plan import ModelEntry
from orchestrator.inputs.nearby_models import SUFFIXES, suggest_models
from orchestrator.inputs.plan_axes import ModelSection
from orchestrator.inputs.plan_values import MAX_TEXT

MAX_MODELS = 1000


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A file that the plan's model item `index` (from 0) asks for."""

    index: int
    entry: ModelEntry
    by_glob: bool

    @property
    def identity(self) -> str:
        """The same for two spellings of one path; links are files of their own."""
        return os.path.normpath(self.entry.path)


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """What is wrong with the plan's model item `index`."""

    index: int
    message: str
    hint: str = ""


def find_models(items: Iterable[str | ModelSection], folder: Path) -> tuple[list[Claim], list[Mistake]]:
    """All models in the order of the plan, those of a glob in the order of their paths, and all that is wrong."""
    claims: list[Claim] = []
    mistakes: list[Mistake] = []
    for index, item in enumerate(items):
        found = _claims(index, ModelSection(path=item) if isinstance(item, str) else item, folder)
        if isinstance(found, Mistake):
            mistakes.append(found)
        else:
            claims += found
    if len(claims) > MAX_MODELS:
        mistakes.append(Mistake(index=claims[MAX_MODELS].index, message=f"more than {MAX_MODELS} models"))
    claims, mixed = _each_file_once(claims)
    return claims, mistakes + mixed + _same_names(claims)


def _claims(index: int, section: ModelSection, folder: Path) -> list[Claim] | Mistake:
    try:
        return _found(index, section, folder)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        return Mistake(index=index, message=f"{section.path[:200]} cannot be read: {reason}")


def _found(index: int, section: ModelSection, folder: Path) -> list[Claim] | Mistake:
    """The files of one item. Raises OSError where the system does not tell."""
    path = folder / section.path
    if path.is_file():
        return [_claim(index, section, path, by_glob=False)]
    if path.is_dir():
        hint = f"its files are {Path(section.path) / '*.onnx'}"
        return Mistake(index=index, message=f"{section.path} is a folder", hint=hint)
    is_glob = glob.has_magic(section.path)
    paths = _matching(section.path, folder) if is_glob else []
    if not paths:
        problem = "no .onnx or .tflite file matches" if is_glob else "no such file:"
        return Mistake(index=index, message=f"{problem} {section.path}", hint=suggest_models(path, folder))
    if section.name and len(paths) > 1:
        message = f"one name for the {len(paths)} files that match {section.path}"
        return Mistake(index=index, message=message, hint="leave 'name' out, or name one file")
    return [_claim(index, section, path, by_glob=True) for path in paths]


def _matching(pattern: str, folder: Path) -> list[Path]:
    """Model files only: a folder's other files (external data, notes) are not meant by `models/*`."""
    everything = glob.iglob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207  # pathlib's takes no '..'
    models = (folder / found for found in everything if found.lower().endswith(SUFFIXES))
    return sorted(islice((path for path in models if path.is_file()), MAX_MODELS + 1))


def _claim(index: int, section: ModelSection, path: Path, *, by_glob: bool) -> Claim:
    inputs = {name: tuple(shape) for name, shape in section.inputs.items()}
    entry = ModelEntry(
        name=section.name or path.stem,
        path=path,
        inputs=inputs,
        params=section.params,
        format=section.format,
        conversion=ConversionPolicy(**section.conversion.model_dump(exclude_none=True)),
    )
    return Claim(index=index, entry=entry, by_glob=by_glob)


def _each_file_once(claims: list[Claim]) -> tuple[list[Claim], list[Mistake]]:
    """Without the files of globs that are named elsewhere, or found by an earlier glob."""
    named = {claim.identity for claim in claims if not claim.by_glob}
    first: dict[str, Claim] = {}
    mistakes = []
    for claim in claims:
        if not claim.by_glob or claim.identity in named:
            continue
        earlier = first.setdefault(claim.identity, claim)
        if earlier.entry != claim.entry:
            message = f"{claim.entry.path.name} is found by two globs that say different things of it"
            mistakes.append(Mistake(index=claim.index, message=message, hint="name the file in an entry of its own"))
    kept = [claim for claim in claims if not claim.by_glob or first.get(claim.identity) is claim]
    return kept, mistakes


def _same_names(claims: list[Claim]) -> list[Mistake]:
    first: dict[str, Claim] = {}
    mistakes = []
    for claim in claims:
        name = claim.entry.name
        earlier = first.setdefault(name, claim)
        if not name.isprintable() or len(name) > MAX_TEXT:
            message = f"{name[:MAX_TEXT]!r} cannot be a model's name"
            mistakes.append(Mistake(index=claim.index, message=message, hint="give one with 'name'"))
        if earlier is not claim:
            message = f"two models are called {name!r}: {earlier.entry.path} and {claim.entry.path}"
            mistakes.append(Mistake(index=claim.index, message=message, hint="give one of them a 'name'"))
    return mistakes
