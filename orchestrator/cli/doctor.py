"""`bench doctor`: what is set up, what is not, and what to do."""

import asyncio
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path

import click

from orchestrator import __version__
from orchestrator.cli.doctor_android import phone_findings
from orchestrator.cli.doctor_converter import converter_finding
from orchestrator.cli.finding import Finding
from orchestrator.cli.home import home


@click.command("doctor")
@click.argument("plans", metavar="[PLAN]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(plans: tuple[Path, ...], as_json: bool) -> None:
    """Say what is set up, what is not, and what to do about it; with PLANs, also for whom they tell.

    Nothing is asked but the database.
    """
    findings = [*examine(), *(finding for path in plans for finding in _notifications(path))]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
        return
    for finding in findings:
        click.echo(f"{'ok  ' if finding.ok else 'note'} {finding.name}: {finding.found}")
        if finding.advice and not finding.ok:
            click.echo(f"     -> {finding.advice}")


def examine() -> list[Finding]:
    """Everything that can be known from this computer and its database."""
    packages = {"onnxruntime": "the local cloud runs .onnx", "ai-edge-litert": "the local cloud runs .tflite"}
    return [
        Finding(name="bench", ok=True, found=f"{__version__} on Python {platform.python_version()}"),
        *(_package(name, use) for name, use in packages.items()),
        _package("starlette", "the local cloud's server"),
        _walls(),
        _cores(),
        _state_folder(),
        _database(),
        _hub(),
        _package("apprise", "Slack, Teams and e-mail", "notify"),
        *phone_findings(),
        converter_finding(),
    ]


def _package(name: str, use: str, extra: str = "local") -> Finding:
    try:
        return Finding(name=name, ok=True, found=f"{importlib.metadata.version(name)} ({use})")
    except importlib.metadata.PackageNotFoundError:
        advice = f"pip install 'device-bench[{extra}]'"
        return Finding(name=name, ok=False, found=f"not installed ({use})", advice=advice)


def _notifications(path: Path) -> list[Finding]:
    """What telling people of the plan's runs needs. Raises PlanError."""
    from orchestrator.inputs.plan_file import load_plan
    from orchestrator.notification.target import needed_variables, purpose_of

    needed = needed_variables(entry.to for entry in load_plan(path).notify)
    return [
        Finding(
            name=f"notify of {path}",
            ok=bool(os.environ.get(name)),
            found=f"{name} is {'set' if os.environ.get(name) else 'not set'}",
            advice=f"it holds {purpose_of(name)}",
        )
        for name in needed
    ]


def _walls() -> Finding:
    from orchestrator.sandbox.landlock import landlock_abi

    version = landlock_abi() if sys.platform == "linux" else 0
    advice = "limits and timeouts still hold; measure only models you trust on this computer"
    found = f"Landlock version {version}" if version else "no Landlock in this kernel"
    return Finding(name="sandbox", ok=bool(version), found=found, advice=advice)


def _cores() -> Finding:
    cores = os.cpu_count() or 1
    advice = "measurements of the local cloud share their core with everything else"
    return Finding(name="processor", ok=cores > 1, found=f"{cores} cores ({platform.machine()})", advice=advice)


def _state_folder() -> Finding:
    folder = home()
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    writable = os.access(nearest, os.W_OK)
    return Finding(
        name="state folder", ok=writable, found=str(folder), advice="set BENCH_HOME to a folder that can be written to"
    )


def _database() -> Finding:
    from orchestrator.cli.home import database_url
    from orchestrator.errors import UsageError
    from orchestrator.history.database import database_in_words

    try:
        return Finding(name="database", ok=True, found=asyncio.run(database_in_words(database_url())))
    except UsageError as error:
        advice = "set BENCH_DATABASE_URL right, or unset it to use the state folder"
        return Finding(name="database", ok=False, found=str(error), advice=advice)


def _hub() -> Finding:
    wanted = ("EMBEDL_HUB_API_KEY", "EMBEDL_HUB_API_BASE_URL")
    missing = [name for name in wanted if not os.environ.get(name)]
    found = f"not set: {', '.join(missing)}" if missing else "key and address are set"
    advice = "only needed for plans with 'cloud: hub' (a plan with a URL needs the key alone)"
    return Finding(name="hub", ok=not missing, found=found, advice=advice)
