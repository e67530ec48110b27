"""The files for Docker and Kubernetes: valid, with command lines that bench knows, and restarted when they end."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.cli.main import main

ROOT = Path(__file__).parent.parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
KUBERNETES = list(yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text()))


def containers() -> list[dict[str, Any]]:
    """All containers of the Kubernetes example."""
    return [container for each in KUBERNETES for container in each["spec"]["template"]["spec"]["containers"]]


@pytest.mark.parametrize(
    "arguments",
    [service["command"] for service in COMPOSE["services"].values() if "command" in service]
    + [container["args"] for container in containers()],
)
def test_bench_knows_the_command_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--help"]) == 0, capsys.readouterr().err
    assert main([*arguments, "--no-such-option", "--help"]) == 2


@pytest.mark.parametrize("name", ["scheduler", "worker", "postgres"])
def test_what_ends_is_started_again(name: str) -> None:
    assert COMPOSE["services"][name]["restart"] == "always"


def test_workers_have_all_that_they_need() -> None:
    worker = COMPOSE["services"]["worker"]
    assert {"BENCH_DATABASE_URL", "BENCH_STORE_URL", "EMBEDL_HUB_API_KEY"} <= set(worker["environment"])
    assert worker["deploy"]["replicas"] == 2
    mounted = {volume.split(":")[1] for volume in worker["volumes"]}
    assert worker["environment"]["BENCH_STORE_URL"] in mounted
    assert all(container["envFrom"] for container in containers())


def test_no_secret_is_written_down() -> None:
    assert set(re.findall(r"//bench:([^@]*)@", (ROOT / "docker-compose.yml").read_text())) == {"${POSTGRES_PASSWORD:?}"}
    assert "env" not in {key for container in containers() for key in container}


def test_the_image_has_the_extras_that_exist() -> None:
    (asked,) = re.findall(r"\[([a-z0-9,]+)\]' &&", (ROOT / "Dockerfile").read_text())
    project = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for extra in asked.split(","))
