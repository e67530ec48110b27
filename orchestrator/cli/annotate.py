"""What did not hold, as annotations of the step, where the command runs in GitHub Actions."""

import os

import click

from orchestrator.domain.report import Report


def annotate(report: Report) -> None:
    """Writes the workflow commands to stderr, so that what stdout holds stays what was asked for."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    from orchestrator.presentation.annotations import annotations

    for line in annotations(report):
        click.echo(line, err=True)
