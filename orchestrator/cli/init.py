"""`bench init`: a plan to start from."""

from pathlib import Path

import click

from orchestrator.errors import UsageError

PLAN_NAME = "plan.yaml"


@click.command("init")
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=Path())
def command(folder: Path) -> None:
    """Write a commented plan into DIR (default: here)."""
    from orchestrator.inputs.plan_file import template

    path = folder / PLAN_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError:
        message = f"{path} is already there; it is left as it is"
        raise UsageError(message) from None
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise UsageError(message) from None
    click.echo(f"wrote {path}; put your model's path into it, then: bench check {path}")
