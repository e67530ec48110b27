"""From what pydantic says of a plan to what its user reads: place, cause, way out."""

import re
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from orchestrator.domain.device import nearest_names
from orchestrator.errors import Problem
from orchestrator.inputs.plan_schema import MAPPING_TAG, TEXT_TAG, PlanSection
from orchestrator.inputs.yaml_tree import MapNode, Path, place_of

_KEY = "[key]"
_SHOWN = 40
_LISTED = 5
_MAY_BE_SECRET = {("notify",), ("cloud",)}  # addresses
_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "union_tag_not_found": "text or a mapping",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
}


def problems_of(error: ValidationError, tree: MapNode, file: str) -> list[Problem]:
    """Each mistake with its place in the file."""
    return [_problem(item, tree, file) for item in error.errors(include_url=False)]


def paths_of(error: ValidationError) -> list[Path]:
    """Where the mistakes are, as paths into the document."""
    return [_path(item) for item in error.errors(include_url=False)]


def make_problem(tree: MapNode, file: str, path: Path, message: str, hint: str = "", *, key: bool = False) -> Problem:
    """A mistake at a path of the document."""
    place = place_of(tree, path, key=key)
    return Problem(file=file, line=place.line, column=place.column, message=message, hint=hint)


def _path(item: Any) -> Path:
    return tuple(part for part in item["loc"] if part not in (TEXT_TAG, MAPPING_TAG, _KEY))


def _problem(item: Any, tree: MapNode, file: str) -> Problem:
    path, kind = _path(item), item["type"]
    if kind == "extra_forbidden":
        return make_problem(tree, file, path, f"unknown key {_shown(path[-1])}", _likely_keys(path), key=True)
    if kind == "missing":
        return make_problem(tree, file, path[:-1], f"{_label(path)} is missing")
    is_key = _KEY in item["loc"]
    message, hint = _said(item, _described(item["input"], hide=path[:1] in _MAY_BE_SECRET))
    return make_problem(tree, file, path, message if is_key else f"{_label(path)}: {message}", hint, key=is_key)


def _said(item: Any, given: str) -> tuple[str, str]:
    """The message and its hint; `given` is the wrong value as it may be shown."""
    kind, value, context = item["type"], item["input"], item.get("ctx", {})
    if kind == "value_error":
        return str(context["error"]), ""
    if kind == "literal_error":
        return _not_among(re.findall(r"'([^']*)'", context["expected"]) or [context["expected"]], value, given)
    if kind in _BOUNDS:
        bound, words_of_bound = _BOUNDS[kind]
        return f"expected {words_of_bound} {context[bound]:.15g}, not {given}", ""
    if kind in ("too_short", "too_long"):
        return _wrong_length(context, "entry" if isinstance(value, list) else "character"), ""
    if kind not in _EXPECTED:
        return item["msg"], ""
    return f"expected {_EXPECTED[kind]}, not {given}", _type_hint(kind, value)


def _not_among(words: list[str], value: object, given: str) -> tuple[str, str]:
    likely = _did_you_mean(value, words)
    if likely and len(words) > _LISTED:
        return f"{given} is not known", likely
    return f"expected {_listed(words)}, not {given}", likely


def _wrong_length(context: Any, unit: str) -> str:
    if context["actual_length"] == 0:
        return f"expected at least one {unit}"
    return f"expected at most {context['max_length']} {'entries' if unit == 'entry' else 'characters'}"


def _type_hint(kind: str, value: object) -> str:
    if value is None:
        return "give it a value, or leave it out"
    if kind == "list_type":
        return "begin each entry with '- '"
    if kind in ("int_type", "float_type") and isinstance(value, str) and re.fullmatch(r"[-+0-9._eE]+", value):
        return "a plain number, without quotes, signs and leading zeros"
    return "in quotes it is text" if kind == "string_type" and isinstance(value, bool) else ""


def _label(path: Path) -> str:
    """What is wrong, by its key; list entries by their list's."""
    keys = [part for part in path if isinstance(part, str)]
    return _shown(keys[-1]) if path[-1] == keys[-1] else f"an entry of {_shown(keys[-1])}"


def _shown(text: object) -> str:
    return repr(str(text)[:_SHOWN]) + ("..." if len(str(text)) > _SHOWN else "")


def _described(value: object, *, hide: bool) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int | float):
        return str(getattr(value, "written", value))
    return "text" if hide else _shown(value)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _did_you_mean(wanted: object, words: Iterable[str]) -> str:
    near = nearest_names(str(wanted)[:100], words, 1)
    return f"did you mean {near[0]!r}?" if near else ""


def _likely_keys(path: Path) -> str:
    allowed = _keys_at(path[:-1])
    return _did_you_mean(path[-1], allowed) or (f"there are: {', '.join(allowed)}" if allowed else "")


def _keys_at(path: Path) -> list[str]:
    """The keys that the section at a path may have."""
    section: type[BaseModel] | None = PlanSection
    for part in path:
        if isinstance(part, str) and section:
            fields = {field.alias or name: field for name, field in section.model_fields.items()}
            section = _section_in(fields[part].annotation) if part in fields else None
    return [field.alias or name for name, field in section.model_fields.items()] if section else []


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _section_in(inner))), None)
