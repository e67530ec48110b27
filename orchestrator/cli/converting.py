"""Converts the models of a plan for those of its devices that take another format, before anything is submitted."""

import os
from collections.abc import Sequence

import click

from orchestrator.cli.home import conversions, home
from orchestrator.conversion.wanted import wanted_conversions
from orchestrator.domain.conversion import ConvertedModel
from orchestrator.domain.journal import RunEntry
from orchestrator.domain.model import Model
from orchestrator.domain.plan import Plan
from orchestrator.workflow.targets import Targets


async def converted_models(
    plan: Plan, models: Sequence[Model], targets: Targets, *, quiet: bool
) -> tuple[ConvertedModel, ...]:
    """What the devices get in place of the plan's models. Unless `quiet`, stderr hears of what takes time.

    A model that cannot be converted is told so in its place. Raises UsageError where something is missing that all
    conversions need, and ModelError.
    """
    wanted = wanted_conversions(plan, models, targets.cells, targets.devices)
    return await _convert(wanted, quiet=quiet) if wanted else ()


async def mend_conversions(entry: RunEntry, *, quiet: bool) -> None:
    """Makes those of a run anew whose files are gone; whether they are the same again is for others to see.

    Raises UsageError as `converted_models`.
    """
    gone = [one for one in entry.converted if one.model and not one.model.path.is_file()]
    if gone:
        await _convert([(entry.model(one.name), one) for one in gone], quiet=quiet)


async def _convert(wanted: Sequence[tuple[Model, ConvertedModel]], *, quiet: bool) -> tuple[ConvertedModel, ...]:
    from orchestrator.conversion.cache import Cache
    from orchestrator.conversion.compare import check_runtimes
    from orchestrator.conversion.convert import Workshop
    from orchestrator.conversion.side_by_side import convert_all
    from orchestrator.conversion.tool import find_tool

    check_runtimes()
    workshop = Workshop(tool=find_tool(os.environ, home()), cache=Cache(conversions()), say=_ignore if quiet else _say)
    return await convert_all(workshop, wanted)


def _say(text: str) -> None:
    click.echo(text, err=True)


def _ignore(_text: str) -> None:
    """For those who want no progress."""
