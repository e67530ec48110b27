"""Names that one part of a plan gives and another one uses: models and variants in patterns and gates."""

from collections.abc import Iterator, Sequence

from orchestrator.domain.cell import Variant
from orchestrator.domain.device import nearest_names
from orchestrator.domain.naming import glob_matches
from orchestrator.errors import Problem
from orchestrator.inputs.plan_mistakes import make_problem
from orchestrator.inputs.plan_schema import PlanSection
from orchestrator.inputs.yaml_tree import MapNode, Path


def check_names(
    section: PlanSection, tree: MapNode, file: str, *, models: Sequence[str] | None, variants_known: bool
) -> list[Problem]:
    """Variants with one name, and globs that match none of the plan's models or variants.

    `models` None: not known, as some could not be read. Devices are the cloud's to know.
    """
    given = [variant.name for variant in section.variants]
    problems = [
        make_problem(tree, file, ("variants", index, "name"), f"a second variant is called {name!r}")
        for index, name in enumerate(given)
        if name in given[:index]
    ]
    known = {"model": models, "variant": (list(dict.fromkeys(given)) or [Variant().name]) if variants_known else None}
    for path, kind, pattern in _globs(section):
        names = known[kind]
        if names is not None and not any(glob_matches(name, pattern) for name in names):
            near = ", ".join(nearest_names(pattern, names)) or ", ".join(names[:5])
            message = f"no {kind} of the plan matches {pattern!r}"
            problems.append(make_problem(tree, file, path, message, f"nearest: {near}"))
    return problems


def _globs(section: PlanSection) -> Iterator[tuple[Path, str, str]]:
    """Each glob of models or variants: where it is, which of the two, and the glob."""
    for key, patterns in (("include", section.include), ("exclude", section.exclude)):
        for index, pattern in enumerate(patterns):
            yield (key, index, "model"), "model", pattern.model
            yield (key, index, "variant"), "variant", pattern.variant
    for index, gate in enumerate(section.gates):
        yield ("gates", index, "models"), "model", gate.models
        yield ("gates", index, "variants"), "variant", gate.variants
