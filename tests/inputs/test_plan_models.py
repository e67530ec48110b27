"""Which model files a plan means."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.domain.plan import ModelEntry
from orchestrator.errors import PlanError
from orchestrator.inputs.model_paths import MAX_MODELS
from orchestrator.inputs.plan_file import load_plan

Load = Callable[[str], tuple[ModelEntry, ...]]
Mistakes = Callable[[str], list[str]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """load(items): the models of a plan with this list of models, in plans/ beside the folder models/."""
    for name in (
        "squeezenet.onnx",
        "shufflenet.ONNX",
        "tiny.tflite",
        "weights.bin",
        "deep/er/net.onnx",
        ".hidden.onnx",
    ):
        path = tmp_path / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "plans").mkdir()

    def read(items: str) -> tuple[ModelEntry, ...]:
        plan = tmp_path / "plans" / "plan.yaml"
        plan.write_text(f"name: p\ndevices: [d]\nmodels:\n{items}\n")
        return load_plan(plan).models

    return read


@pytest.fixture
def mistakes(load: Load, tmp_path: Path) -> Mistakes:
    """mistakes(items): what is said of a wrong list of models, without the plan's path."""

    def read(items: str) -> list[str]:
        with pytest.raises(PlanError) as caught:
            load(items)
        return [str(problem).replace(f"{tmp_path}/plans/plan.yaml:", "") for problem in caught.value.problems]

    return read


@pytest.mark.parametrize(
    ("items", "names"),
    [
        ("  - ../models/tiny.tflite", ["tiny"]),
        ("  - ../models/*.onnx", ["squeezenet"]),
        ("  - ../models/*", ["shufflenet", "squeezenet", "tiny"]),
        ("  - ../models/**/*.onnx", ["net", "squeezenet"]),
        ("  - ../models/tiny.tflite\n  - ../models/*", ["tiny", "shufflenet", "squeezenet"]),
        ("  - ../models/*\n  - {name: small, path: ../models/tiny.tflite}", ["shufflenet", "squeezenet", "small"]),
        ("  - ../models/*\n  - ../models/s*", ["shufflenet", "squeezenet", "tiny"]),
        ("  - {name: a, path: ../models/tiny.tflite}\n  - {name: b, path: ../models/tiny.tflite}", ["a", "b"]),
        ("  - {name: one, path: ../models/t*}", ["one"]),
        ("  - ../models/../models/tiny.tflite\n  - ../models/*.tflite", ["tiny"]),
        ("  - ../models/weights.bin", ["weights"]),
    ],
)
def test_each_file_once_in_the_plans_order(load: Load, items: str, names: list[str]) -> None:
    assert [model.name for model in load(items)] == names


def test_paths_are_relative_to_the_plan_and_not_to_the_working_folder(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load("  - ../models/tiny.tflite")
    monkeypatch.chdir(tmp_path)
    (model,) = load_plan(Path("plans/plan.yaml")).models
    assert model.path.is_absolute()
    assert model.path.samefile(tmp_path / "models/tiny.tflite")


def test_an_absolute_path_is_taken_as_it_is(load: Load, tmp_path: Path) -> None:
    absolute = tmp_path / "models" / "tiny.tflite"
    assert [model.path for model in load(f"  - {absolute}")] == [absolute]
    assert len(load(f"  - {tmp_path}/models/*")) == 3


def test_a_name_with_signs_of_globs_is_a_file_where_there_is_one(load: Load, tmp_path: Path) -> None:
    (tmp_path / "models" / "net[1].onnx").touch()
    assert [model.name for model in load("  - ../models/net[1].onnx")] == ["net[1]"]


def test_a_globs_settings_are_those_of_each_of_its_files(load: Load) -> None:
    models = load("  - {path: ../models/s*, params: {num_threads: 1}, inputs: {x: [1, 2]}}")
    assert [(model.params, model.inputs) for model in models] == [({"num_threads": "1"}, {"x": (1, 2)})] * 2


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (
            "  - ../models/squeezent.onnx",
            "4:5: no such file: ../models/squeezent.onnx (nearest: ../models/squeezenet.onnx, ",
        ),
        ("  - {path: models/net.onnx}", "4:12: no such file: models/net.onnx (there are no .onnx or .tflite files in "),
        ("  - ../models/nett.onnx", "nearest: ../models/deep/er/net.onnx"),
        ("  - ../models/x*.onnx", "4:5: no .onnx or .tflite file matches ../models/x*.onnx (there are: ../models/"),
        ("  - ../models/*.bin", "no .onnx or .tflite file matches ../models/*.bin"),
        ("  - ../models", "4:5: ../models is a folder (its files are ../models/*.onnx)"),
        ("  - {name: x, path: ../models/s*}", "one name for the 2 files that match ../models/s* (leave 'name' out"),
        (
            "  - {path: ../models/t*, params: {a: 1}}\n  - ../models/*",
            "5:5: tiny.tflite is found by two globs",
        ),
        ("  - ../models/tiny.tflite\n  - {name: tiny, path: ../models/weights.bin}", "two models are called 'tiny': "),
        ("  - ../models/tiny.tflite\n  - ../models/tiny.tflite", "5:5: two models are called 'tiny'"),
        ("  - " + "x" * 300, "cannot be read: file name too long"),
        ('  - "a\\0b"', "4:5: an entry of 'models': expected text on one line, without control characters"),
        ("  - {name: x}", "4:5: 'path' is missing"),
        ("  - {path: ../models/tiny.tflite, inputs: {x: [-1]}}", "an entry of 'x': expected at least 0, not -1"),
        ("  - {path: ../models/tiny.tflite, inputs: {x: 3}}", "'x': expected a list, not 3"),
        ("  - {path: ../models/tiny.tflite, inputs: {x: [99999999999]}}", "expected at most 2147483647"),
        ("  - " + "x" * 5000, "4:5: an entry of 'models': expected at most 4096 characters"),
    ],
    ids=lambda text: text[:60],
)
def test_what_leads_nowhere_is_told_with_what_is_near(mistakes: Mistakes, items: str, said: str) -> None:
    told = mistakes(items)
    assert len(told) == 1
    assert said in told[0]


def test_a_file_whose_name_cannot_be_shown_needs_a_name(load: Load, mistakes: Mistakes, tmp_path: Path) -> None:
    (tmp_path / "models" / "odd\x1b[31m.onnx").touch()
    (told,) = mistakes("  - ../models/odd*")
    assert "cannot be a model's name (give one with 'name')" in told
    assert "\x1b" not in told
    assert [model.name for model in load("  - {name: odd, path: ../models/odd*}")] == ["odd"]


def test_too_many_models_are_refused(mistakes: Mistakes, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(MAX_MODELS + 1):
        (tmp_path / "many" / f"{number}.onnx").touch()
    assert mistakes("  - ../many/*") == [f"4:5: more than {MAX_MODELS} models"]
