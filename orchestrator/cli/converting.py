"""Converts the models of a plan for those of its devices that take another format, before anything is submitted."""

import os
from collections.abc import Callable, Sequence

from orchestrator.cli.home import conversions, home
from orchestrator.conversion.wanted import wanted_conversions
from orchestrator.domain.conversion import ConvertedModel
from orchestrator.domain.model import Model
from orchestrator.domain.plan import Plan
from orchestrator.workflow.targets import Targets


async def converted_models(
    plan: Plan, models: Sequence[Model], targets: Targets, say: Callable[[str], None]
) -> tuple[ConvertedModel, ...]:
    """What the devices get in place of the plan's models. `say` hears of what takes time.

    A model that cannot be converted is told so in its place. Raises UsageError where something is missing that all
    conversions need, and ModelError.
    """
    wanted = wanted_conversions(plan, models, targets.cells, targets.devices)
    if not wanted:
        return ()
    from orchestrator.conversion.cache import Cache
    from orchestrator.conversion.compare import check_runtimes
    from orchestrator.conversion.convert import Workshop
    from orchestrator.conversion.side_by_side import convert_all
    from orchestrator.conversion.tool import find_tool

    check_runtimes()
    workshop = Workshop(tool=find_tool(os.environ, home()), cache=Cache(conversions()), say=say)
    return await convert_all(workshop, wanted)
