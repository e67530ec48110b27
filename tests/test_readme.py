"""What the README says is true: its plan is valid, its commands and exit codes are the program's."""

import re
from pathlib import Path

import pytest

from orchestrator.cli.main import BUG, COMMANDS, USAGE
from orchestrator.domain import exit_code
from orchestrator.errors import CloudError, Interrupted, UsageError
from orchestrator.inputs.plan_file import load_plan

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_plan_is_valid(tmp_path: Path) -> None:
    for model in ("models/small.onnx", "models/big.onnx", "detector/detector.onnx"):
        (tmp_path / model).parent.mkdir(exist_ok=True)
        (tmp_path / model).touch()
    (plan_text,) = [block for block in blocks("yaml") if "models/*.onnx" in block]
    (gates,) = [block for block in blocks("yaml") if "max_regression" in block]
    plan_text += gates
    (tmp_path / "plan.yaml").write_text(plan_text)
    plan = load_plan(tmp_path / "plan.yaml")
    assert [model.name for model in plan.models] == ["big", "small", "detector"]
    assert plan.models[2].params == {"num_threads": "2"}
    assert plan.limits.poll_interval_s == 1.0
    assert len(plan.gates) == 4


def test_the_table_of_commands_is_whole() -> None:
    table = README.split("## Commands")[1].split("## What a run")[0]
    assert set(re.findall(r"`bench ([\w-]+)", table)) == set(COMMANDS)


def test_the_exit_codes_are_those_of_the_program() -> None:
    table = README.split("## Exit codes")[1].split("## Clouds")[0]
    written = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    codes = {
        exit_code.OK,
        exit_code.CLOUD_UNUSABLE,
        exit_code.GATE_FAILED,
        exit_code.RESULTS_MISSING,
        exit_code.GATE_OPEN,
    }
    assert written == codes | {USAGE, BUG, UsageError.exit_code, CloudError.exit_code, Interrupted.exit_code}


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https:)([^)]+)\)", README))
def test_what_it_links_to_is_there(target: str) -> None:
    assert (ROOT / target).exists()


@pytest.mark.parametrize("target", ["setup", "quickstart", "test", "lint", "bench"])
def test_the_make_targets_are_there(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
