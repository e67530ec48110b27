"""`bench devices`: what the cloud offers."""

import sys

import click

from orchestrator.cli.awaited import awaited
from orchestrator.domain.device import Device, DeviceSelector, Platform, parse_os
from orchestrator.domain.plan import LocalPolicy


def _os(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        parse_os(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return value


@click.command("devices")
@click.argument("name", default="*")
@click.option("--cloud", default="local", show_default=True, help="local, hub or a URL.")
@click.option("--adb", is_flag=True, help="With the phones that are attached to this computer.")
@click.option("--platform", type=click.Choice([platform.value for platform in Platform], case_sensitive=False))
@click.option("--os", "os_", default="", callback=_os, help="A glob, or comparisons such as '>=17,<19'.")
@click.option("--vendor", default="*", help="A glob.")
@click.option("--type", "type_", default="*", help="A glob.")
@click.option("--limit", type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(
    name: str,
    cloud: str,
    adb: bool,
    platform: str | None,
    os_: str,
    vendor: str,
    type_: str,
    limit: int | None,
    as_json: bool,
) -> None:
    """List the cloud's devices; NAME is a glob. The options are a plan's device selectors."""
    from orchestrator.presentation.listing import devices_as_json
    from orchestrator.presentation.tables import print_devices

    chosen = Platform(platform) if platform else None
    selector = DeviceSelector(name=name, platform=chosen, os=os_, vendor=vendor, type=type_, limit=limit)
    devices = selector.pick(awaited(_devices(cloud, adb=adb)))
    if as_json:
        click.echo(devices_as_json(devices))
    else:
        print_devices(devices, stream=sys.stdout)


async def _devices(cloud: str, *, adb: bool) -> tuple[Device, ...]:
    from orchestrator.cli.connect import connect

    async with connect(cloud, LocalPolicy(adb=adb)) as opened:
        return await opened.device_cloud.devices()
