"""Whether the program that measures on phones is there, asked before anything is submitted to one."""

from collections.abc import Iterable

from orchestrator.cli.connect import LOCAL
from orchestrator.cli.home import phone_tools
from orchestrator.domain.device import Device
from orchestrator.domain.plan import Plan
from orchestrator.errors import UsageError


def check_phone_tool(plan: Plan, devices: Iterable[Device]) -> None:
    """Raises UsageError where the plan wants phones of the local cloud, and nothing is installed for any phone.

    Whether it is for the processor of each is for the job to find out.
    """
    if plan.cloud != LOCAL or not plan.local.adb:
        return
    from orchestrator.localcloud.android.phone import DEVICE_TYPE
    from orchestrator.localcloud.android.tool import COMMAND, installed

    phones = [device.name for device in devices if device.type == DEVICE_TYPE]
    if phones and not installed(phone_tools()):
        message = f"{phones[0]} needs LiteRT's benchmark_model, which is not installed: {COMMAND}"
        raise UsageError(message)
