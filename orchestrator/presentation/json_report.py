"""results.json: the source of every other output. `from_json(to_json(report))` is the report again.

The shape is declared in results_schema; results_from_domain fills it, results_to_domain reads it back.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ValidationError

from orchestrator.domain.report import Report
from orchestrator.errors import UsageError
from orchestrator.presentation.results_from_domain import cell_shape, job_shape, results_file
from orchestrator.presentation.results_schema import SCHEMA_VERSION, ResultsFile
from orchestrator.presentation.results_to_domain import report_in


def to_json(report: Report) -> dict[str, Any]:
    """The report as values for JSON; all numbers are finite."""
    return results_file(report).model_dump(mode="json")


def dump_report(report: Report) -> str:
    """The text of results.json."""
    return "".join(report_pieces(report))


def report_pieces(report: Report) -> Iterator[str]:
    """The text of results.json bit by bit: of many jobs, no more than one is a shape or a text at a time."""
    many: dict[str, Iterable[BaseModel]] = {"jobs": map(job_shape, report.jobs), "cells": map(cell_shape, report.cells)}
    rest = to_json(replace(report, jobs=(), cells=()))
    for place, (name, value) in enumerate(rest.items()):
        yield f"{',' if place else '{'}{_text(name)}:"
        yield from _list(many[name]) if name in many else [_text(value)]
    yield "}\n"


def _list(shapes: Iterable[BaseModel]) -> Iterator[str]:
    yield "["
    for place, shape in enumerate(shapes):
        yield f"{',' if place else ''}{_text(shape.model_dump(mode='json'))}"
    yield "]"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def from_json(data: object) -> Report:
    """The report that `data` was written from. Raises UsageError for anything else, naming the first place."""
    if not isinstance(data, Mapping) or "schema_version" not in data:
        message = "not a results.json: it has no schema_version"
        raise UsageError(message)
    if data["schema_version"] != SCHEMA_VERSION:
        message = (
            f"results.json has schema_version {data['schema_version']!r:.40}; this program reads "
            f"{SCHEMA_VERSION}: use the program that wrote it, or a newer one"
        )
        raise UsageError(message)
    try:
        return report_in(ResultsFile.model_validate(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"results.json is broken at {place}: {first['msg']}"
        raise UsageError(message) from error


def load_report(path: Path) -> Report:
    """Reads results.json. Raises UsageError, naming the file, where it is missing, unreadable or not one."""
    try:
        return from_json(json.loads(path.read_bytes(), parse_constant=_refuse_constant))
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise UsageError(message) from error
    except (ValueError, RecursionError) as error:
        message = f"{path} is not JSON: {error}"
        raise UsageError(message) from error
    except UsageError as error:
        message = f"{path}: {error}"
        raise UsageError(message) from error


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not a number that JSON has"
    raise ValueError(message)
