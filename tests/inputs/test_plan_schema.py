"""The published JSON Schema: current, true to what is read, and kept by the example plans."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.plan import Plan
from orchestrator.errors import PlanError
from orchestrator.inputs.plan_file import load_plan, template
from orchestrator.inputs.safe_yaml import read_yaml
from orchestrator.inputs.yaml_tree import plain

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
PUBLISHED = json.loads((ROOT / "plan.schema.json").read_text(encoding="utf-8"))
EXAMPLES = sorted(BENCHMARKS.glob("*.yaml"))
SMALLEST = "name: nightly\nmodels: [m.onnx]\ndevices: [Pixel]\n"

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
ANNOTATIONS = {"$schema", "$defs", "title", "description", "default"}


def is_type(value: object, name: str) -> bool:
    """JSON's types: a truth value is no number."""
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def listed(wanted: Any) -> list[str]:
    """One type or several."""
    return [wanted] if isinstance(wanted, str) else wanted


def fits(value: Any, schema: Any) -> bool:
    """Whether a value satisfies a schema: those keywords of draft 2020-12 that the plan's schema uses, no others."""
    return all(KEYWORDS[key](value, wanted, schema) for key, wanted in schema.items() if key not in ANNOTATIONS)


def resolved(reference: str) -> Any:
    """The definition that a $ref names."""
    return PUBLISHED["$defs"][reference.removeprefix("#/$defs/")]


def properties_fit(value: Any, wanted: Any, _: Any) -> bool:
    return not isinstance(value, dict) or all(fits(value[key], wanted[key]) for key in value.keys() & wanted.keys())


def patterns_fit(value: Any, wanted: Any, _: Any) -> bool:
    return not isinstance(value, dict) or all(
        fits(below, one) for key, below in value.items() for pattern, one in wanted.items() if re.search(pattern, key)
    )


def others_fit(value: Any, wanted: Any, schema: Any) -> bool:
    if not isinstance(value, dict):
        return True
    patterns = schema.get("patternProperties", {})
    named = {key for key in value if key in schema.get("properties", {}) or any(re.search(p, key) for p in patterns)}
    others = [value[key] for key in value.keys() - named]
    return not others if wanted is False else wanted is True or all(fits(other, wanted) for other in others)


KEYWORDS: dict[str, Any] = {
    "$ref": lambda value, wanted, _: fits(value, resolved(wanted)),
    "type": lambda value, wanted, _: any(is_type(value, name) for name in listed(wanted)),
    "const": lambda value, wanted, _: value == wanted and type(value) is type(wanted),
    "enum": lambda value, wanted, _: value in wanted,
    "anyOf": lambda value, wanted, _: any(fits(value, one) for one in wanted),
    "oneOf": lambda value, wanted, _: sum(fits(value, one) for one in wanted) == 1,
    "properties": properties_fit,
    "patternProperties": patterns_fit,
    "additionalProperties": others_fit,
    "propertyNames": lambda value, wanted, _: not isinstance(value, dict) or all(fits(key, wanted) for key in value),
    "required": lambda value, wanted, _: not isinstance(value, dict) or set(wanted) <= set(value),
    "items": lambda value, wanted, _: not isinstance(value, list) or all(fits(item, wanted) for item in value),
    "minItems": lambda value, wanted, _: not isinstance(value, list) or len(value) >= wanted,
    "maxItems": lambda value, wanted, _: not isinstance(value, list) or len(value) <= wanted,
    "minLength": lambda value, wanted, _: not isinstance(value, str) or len(value) >= wanted,
    "maxLength": lambda value, wanted, _: not isinstance(value, str) or len(value) <= wanted,
    "pattern": lambda value, wanted, _: not isinstance(value, str) or bool(re.search(wanted, value)),
    "minimum": lambda value, wanted, _: not is_type(value, "number") or value >= wanted,
    "maximum": lambda value, wanted, _: not is_type(value, "number") or value <= wanted,
    "exclusiveMinimum": lambda value, wanted, _: not is_type(value, "number") or value > wanted,
}  # fmt: skip


def document(text: str) -> Any:
    """The plain values of a plan."""
    return plain(read_yaml(text, "plan.yaml")[0])


def test_the_published_schema_is_what_the_command_prints() -> None:
    command = [sys.executable, "-m", "orchestrator.inputs.plan_schema"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert printed == (ROOT / "plan.schema.json").read_text(encoding="utf-8"), f"write it anew: {' '.join(command[1:])}"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_satisfy_it_and_point_to_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert fits(document(text), PUBLISHED)
    (reference,) = re.findall(r"^# yaml-language-server: \$schema=(\S+)$", text, re.MULTILINE)
    assert (path.parent / reference).resolve() == ROOT / "plan.schema.json"


def test_the_template_satisfies_it() -> None:
    assert fits(document(template()), PUBLISHED)


@pytest.fixture
def is_read(tmp_path: Path) -> Any:
    """is_read(text): whether the program takes this plan."""
    (tmp_path / "m.onnx").touch()

    def read(text: str) -> bool:
        (tmp_path / "plan.yaml").write_text(text)
        try:
            load_plan(tmp_path / "plan.yaml")
        except PlanError:
            return False
        return True

    return read


GOOD = [
    "",
    "version: 1",
    "repeats: 5",
    "cloud: hub",
    "tags: {a: 1, b: true, c: x, d: 1.5}",
    "params: {a: 1, b: true, c: x}",
    "limits: {poll_interval: 0.5s, reconcile: auto, retries: 0}",
    "limits: {reconcile: 2m}",
    "local: {adb: true, min_battery: 30%, cooldown: 10s}",
    "baseline: {pinned: 2.4, max_age: 90d, control: never}",
    "gates: [{metric: load_ms, max_regression: 5%}, {metric: load_ms, max_regression: 0.05}, {require: {npu: 95%}}]",
    "gating: {profile: nightly, new_cells: inconclusive}",
    "schedule: {cron: '0 2 * * *', timezone: Europe/Stockholm}",
    "notify: [$URL, {to: a@b.example, on: [gate]}]",
    "variants: [{name: a, params: {x: 1}}]",
    "include: [{device: x}]",
]
BAD = [
    "version: 2",
    "version: true",
    "colour: red",
    "repeats: 0",
    "repeats: '3'",
    "repeats: 2.5",
    "repeats:",
    "cloud: [hub]",
    "tags: {a: [b]}",
    "params: {a: {b: c}}",
    "params: {--num_threads: 4}",
    "limits: {poll_interval: 5}",
    "limits: {poll_interval: 5 s}",
    "limits: {reconcile: never}",
    "local: {adb: 1}",
    "local: {phones: true}",
    "limits: {retries: -1}",
    "limits: fast",
    "baseline: {control: maybe}",
    "gates: {metric: load_ms}",
    "gates: [{metric: p90_ms, max: 1}]",
    "gates: [{metric: load_ms, max: 0}]",
    "gates: [{metric: load_ms, max_regression: 5}]",
    "gates: [{metric: load_ms, max: 1, level: error}]",
    "gates: [{require: {tpu: 95%}}]",
    "gating: {profile: weekly}",
    "schedule: {timezone: UTC}",
    "notify: x",
    "notify: [{on: [gate]}]",
    "notify: [{to: $X, on: [gates]}]",
    "variants: [{params: {}}]",
    "include: [{devices: x}]",
]


@pytest.mark.parametrize(("more", "good"), [(more, True) for more in GOOD] + [(more, False) for more in BAD])
def test_an_editor_and_the_program_agree(is_read: Any, more: str, good: bool) -> None:
    text = SMALLEST + more
    assert fits(document(text), PUBLISHED) is good
    assert is_read(text) is good


@pytest.mark.parametrize("key", ["name", "models", "devices"])
def test_what_is_required_is_required_in_both(is_read: Any, key: str) -> None:
    text = "".join(line for line in SMALLEST.splitlines(keepends=True) if not line.startswith(key))
    assert not fits(document(text), PUBLISHED)
    assert not is_read(text)


def test_editors_are_told_the_defaults_as_users_write_them() -> None:
    limits = PUBLISHED["$defs"]["LimitsSection"]["properties"]
    assert limits["poll_interval"]["default"] == "5s"
    assert limits["queue_timeout"]["default"] == "2h"
    assert limits["reconcile"]["default"] == "auto"
    assert PUBLISHED["properties"]["repeats"]["default"] == 3


@pytest.fixture
def example(tmp_path: Path) -> Any:
    """example(name): the plan of benchmarks/, with its model files there although nobody has made them yet."""

    def load(name: str) -> Plan:
        (tmp_path / "models").mkdir()
        for model in ("squeezenet.onnx", "shufflenet.onnx", "tiny.tflite"):
            (tmp_path / "models" / model).touch()
        (tmp_path / name).write_text((BENCHMARKS / name).read_text())
        return load_plan(tmp_path / name)

    return load


@pytest.mark.parametrize(
    ("name", "models"),
    [
        ("quickstart.yaml", ["squeezenet", "shufflenet", "tiny"]),
        ("nightly.yaml", ["shufflenet", "squeezenet", "tiny"]),
        ("release_gate.yaml", ["squeezenet"]),
    ],
)
def test_the_examples_are_read(example: Any, name: str, models: list[str]) -> None:
    plan = example(name)
    assert [model.name for model in plan.models] == models
    assert plan.cloud == "local"


def test_there_is_no_example_that_is_not_tested() -> None:
    assert [path.name for path in EXAMPLES] == ["nightly.yaml", "quickstart.yaml", "release_gate.yaml"]


def test_the_quickstart_is_small_and_uses_both_kinds_of_bundle(example: Any) -> None:
    plan = example("quickstart.yaml")
    assert plan.repeats == 3
    assert {selector.platform for selector in plan.devices} == {None, "IOS"}
    assert float(plan.params["max_secs"]) <= 2


def test_the_worked_examples_show_what_they_are_for(example: Any) -> None:
    plan = example("nightly.yaml")
    assert plan.schedule
    assert plan.notify
    assert plan.gates
    assert plan.gating.profile == "nightly"
