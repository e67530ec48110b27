"""A plan from its file: read, checked whole, resolved and frozen. Every mistake is told at once."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from orchestrator.domain.cell import CellPattern, Variant
from orchestrator.domain.conversion import ConversionPolicy
from orchestrator.domain.device import DeviceSelector, Platform
from orchestrator.domain.plan import (
    BaselinePolicy,
    GateRule,
    Gating,
    Limits,
    LocalPolicy,
    ModelEntry,
    Notification,
    Plan,
    Schedule,
)
from orchestrator.errors import PlanError, Problem
from orchestrator.inputs.model_paths import find_models
from orchestrator.inputs.plan_axes import SelectorSection
from orchestrator.inputs.plan_mistakes import make_problem, paths_of, problems_of
from orchestrator.inputs.plan_names import check_names
from orchestrator.inputs.plan_policy import NotifySection
from orchestrator.inputs.plan_schema import PlanSection
from orchestrator.inputs.plan_values import Section
from orchestrator.inputs.safe_yaml import read_yaml
from orchestrator.inputs.text_file import read_text_file
from orchestrator.inputs.yaml_tree import MapNode, plain, without

MAX_PROBLEMS = 50
_STAND_INS = {"name": "plan", "models": ["model"], "devices": ["*"]}  # for required keys that are missing or broken


def load_plan(path: Path, text: str | None = None) -> Plan:
    """The plan in a file, or of another `text` in its place. Raises PlanError with all its mistakes.

    Models are found, not looked into.
    """
    text = read_text_file(path) if text is None else text
    tree, problems = read_yaml(text, str(path))
    read = _check(tree, str(path))
    entries, more = _resolve(read, path)
    problems = sorted({*problems, *read.problems, *more}, key=lambda problem: (problem.line, problem.column))
    if problems:
        raise PlanError(_bounded(problems))
    return _freeze(read.section, path, text, entries)


def template() -> str:
    """The commented plan that `bench init` writes."""
    return files("orchestrator.inputs").joinpath("plan_template.yaml").read_text(encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What could be read. `section` is whole, or what is left of it without the keys and entries in `broken`."""

    section: PlanSection
    tree: MapNode
    problems: list[Problem]
    broken: frozenset[str]


def _check(tree: MapNode, file: str) -> _Read:
    """Validates; if something is wrong, once more without it, so that the rest can still be looked at."""
    try:
        return _Read(section=PlanSection.model_validate(plain(tree)), tree=tree, problems=[], broken=frozenset())
    except ValidationError as error:
        paths = paths_of(error)
        kept = without(tree, {path[:2] if len(path) > 1 and isinstance(path[1], int) else path[:1] for path in paths})
        return _Read(
            section=PlanSection.model_validate({**_STAND_INS, **plain(kept)}),
            tree=kept,
            problems=problems_of(error, tree, file),
            broken=frozenset(str(path[0]) for path in paths if path),
        )


def _resolve(read: _Read, path: Path) -> tuple[tuple[ModelEntry, ...], list[Problem]]:
    """The model files, and what is wrong between the parts of the plan."""
    file, has_models = str(path), "models" in read.tree.values
    claims, mistakes = find_models(read.section.models if has_models else (), path.parent.absolute())
    problems = [
        make_problem(read.tree, file, ("models", wrong.index, "path"), wrong.message, wrong.hint) for wrong in mistakes
    ]
    are_known = has_models and not mistakes and "models" not in read.broken
    problems += check_names(
        read.section,
        read.tree,
        file,
        models=[claim.entry.name for claim in claims] if are_known else None,
        variants_known="variants" not in read.broken,
    )
    return tuple(claim.entry for claim in claims), problems


def _bounded(problems: list[Problem]) -> list[Problem]:
    if len(problems) <= MAX_PROBLEMS:
        return problems
    more = Problem(file=problems[0].file, message=f"and {len(problems) - MAX_PROBLEMS} more mistakes")
    return [*problems[:MAX_PROBLEMS], more]


def _freeze(section: PlanSection, path: Path, text: str, entries: tuple[ModelEntry, ...]) -> Plan:
    return Plan(
        path=path,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        name=section.name,
        project=section.project or section.name,
        cloud=section.cloud,
        local=LocalPolicy(**_said(section.local)),
        conversion=ConversionPolicy(**_said(section.conversion)),
        models=entries,
        devices=tuple(_selector(item) for item in section.devices),
        variants=tuple(Variant(**_said(item)) for item in section.variants) or (Variant(),),
        include=tuple(CellPattern(**_said(item)) for item in section.include),
        exclude=tuple(CellPattern(**_said(item)) for item in section.exclude),
        params=section.params,
        repeats=section.repeats,
        tags=section.tags,
        limits=Limits(**_said(section.limits)),
        baseline=BaselinePolicy(**_said(section.baseline)),
        gates=tuple(GateRule(**_said(item)) for item in section.gates),
        gating=Gating(**_said(section.gating)),
        schedule=Schedule(**_said(section.schedule)) if section.schedule else None,
        notify=tuple(_notification(item) for item in section.notify),
    )


def _said(section: Section) -> dict[str, Any]:
    """A section's values under the domain's names, without those that are not given and have no default."""
    return section.model_dump(exclude_none=True)


def _selector(item: str | SelectorSection) -> DeviceSelector:
    if isinstance(item, str):
        return DeviceSelector(name=item)
    said = _said(item)
    return DeviceSelector(**{**said, "platform": Platform(item.platform) if item.platform else None})


def _notification(item: str | NotifySection) -> Notification:
    return Notification(to=item) if isinstance(item, str) else Notification(to=item.to, on=tuple(item.on))
