"""`bench alerts`: changes for the worse that runs found, and what became of them."""

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import click

from orchestrator.cli.awaited import awaited
from orchestrator.cli.home import database_url
from orchestrator.cli.said import said, user_name
from orchestrator.domain.alert import ACKNOWLEDGED_FOR, accept, acknowledge, woken
from orchestrator.domain.cell import CellPattern
from orchestrator.domain.measurement import METRICS
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.history.alerts import Alerts

T = TypeVar("T")


@click.group("alerts", invoke_without_command=True)
@click.option("--model", default="*", help="A glob.")
@click.option("--device", default="*", help="A glob.")
@click.option("--variant", default="*", help="A glob.")
@click.option("--project", help="Only this project.")
@click.option("--metric", type=click.Choice(list(METRICS)), help="Only this metric.")
@click.option("--all", "with_past", is_flag=True, help="Also those that are resolved or accepted.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def command(
    context: click.Context,
    model: str,
    device: str,
    variant: str,
    project: str | None,
    metric: str | None,
    with_past: bool,
    as_json: bool,
) -> None:
    """List the changes for the worse that are not over: open ones first, of each state the oldest first."""
    if context.invoked_subcommand is not None:
        return
    from orchestrator.presentation.alert_json import alerts_as_json
    from orchestrator.presentation.alert_table import print_list

    now, pattern = datetime.now(UTC), CellPattern(model=model, device=device, variant=variant)
    found = (woken(alert, now) for alert in _with_alerts(lambda alerts: alerts.all(project)))
    meant = (alert for alert in found if pattern.matches(alert.cell) and metric in (None, alert.metric))
    shown = [alert for alert in meant if with_past or not alert.state.is_over]
    if as_json:
        click.echo(alerts_as_json(shown))
    else:
        print_list(shown, now, stream=sys.stdout)


@command.command("show")
@click.argument("alert_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show_command(alert_id: str, as_json: bool) -> None:
    """Show one alert, and all that became of it. Of an id, as many letters will do as tell it from the others."""
    from orchestrator.presentation.alert_json import life_as_json
    from orchestrator.presentation.alert_table import print_life

    now = datetime.now(UTC)
    *earlier, newest = _with_alerts(lambda alerts: alerts.steps(alert_id))
    steps = [*earlier, woken(newest, now)]
    if as_json:
        click.echo(life_as_json(steps))
    else:
        print_life(steps, now, stream=sys.stdout)


@command.command("ack")
@click.argument("alert_id", metavar="ID")
@click.option("--reason", required=True, help="Why it may be quiet; everybody who meets it reads this.")
@click.option("--who", default=user_name, help="Who knows; default: you.")
@click.option("--until", metavar="DATE|30d", help="When it wakes again: a date (UTC) or a time from now. Default: 30d.")
def ack_command(alert_id: str, reason: str, who: str, until: str | None) -> None:
    """Say that the change is known: it is quiet for a time, and what is no worse than it does not fail a gate."""
    now = datetime.now(UTC)
    move = partial(acknowledge, who=said("who", who), reason=said("reason", reason), until=_until(until, now))
    alert = _with_alerts(lambda alerts: alerts.move(alert_id, move))
    click.echo(f"alert {alert.id} is acknowledged by {alert.who} until {alert.until:%Y-%m-%d}")


@command.command("accept")
@click.argument("alert_id", metavar="ID")
@click.option("--reason", default="", help="Why it is wanted; for those who see it later.")
@click.option("--who", default=user_name, help="Who says so; default: you.")
def accept_command(alert_id: str, reason: str, who: str) -> None:
    """Say that the change is wanted: the rolling baseline of its cell begins anew with it."""
    reason = said("reason", reason) if reason else ""
    move = partial(accept, who=said("who", who), reason=reason, now=datetime.now(UTC))
    alert = _with_alerts(lambda alerts: alerts.move(alert_id, move))
    click.echo(f"alert {alert.id} is accepted; the baseline of {alert.cell} begins anew at {alert.began:%Y-%m-%d}")


def _until(text: str | None, now: datetime) -> datetime:
    """A date, or a time from now. Raises UsageError where it is neither, or not in the future."""
    from orchestrator.inputs.quantities import parse_duration_s

    if text is None:
        return now + ACKNOWLEDGED_FOR
    try:
        until = datetime.fromisoformat(text)
    except ValueError:
        try:
            until = now + timedelta(seconds=parse_duration_s(text))
        except (ValueError, OverflowError):
            message = f"--until: {text!r} is neither a date, such as {now:%Y-%m-%d}, nor a time, such as 30d"
            raise UsageError(message) from None
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
    if until <= now:
        message = f"--until: {text} is not in the future"
        raise UsageError(message)
    return until


def _with_alerts(ask: "Callable[[Alerts], Awaitable[T]]") -> T:
    from orchestrator.history.journal import open_journal

    async def inside() -> T:
        async with open_journal(database_url()) as journal:
            return await ask(journal.baselines.alerts)

    return awaited(inside())
