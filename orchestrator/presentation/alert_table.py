"""Alerts in the terminal: `bench alerts`, and the alerts of a run's cells."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TextIO

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from orchestrator.domain.alert import Alert, AlertState
from orchestrator.presentation.alert_words import AlertWords, alert_words, by_urgency, standing
from orchestrator.presentation.terminal import open_console, plain
from orchestrator.presentation.text import moment, plural

_STYLES = {"open": "bold red", "acknowledged": "yellow", "resolved": "green", "accepted": "green"}


def print_list(alerts: Iterable[Alert], now: datetime, *, stream: TextIO) -> None:
    """All given alerts, open ones first and of each state the oldest first; then how many there are of each."""
    console = open_console(stream)
    ordered = by_urgency(alerts)
    print_alerts(console, [alert_words(alert, now) for alert in ordered])
    states = [alert.state for alert in ordered]
    counts = ", ".join(f"{states.count(state):,} {state}" for state in AlertState if state in states)
    console.print(plain(f"{plural(len(ordered), 'alert')}: {counts}" if ordered else "no alert"))


def print_alerts(console: Console, alerts: Sequence[AlertWords]) -> None:
    """Two lines an alert and what is known beside: a table would not fit beside the names of cells."""
    for words in alerts:
        state = (f"{words.mark} {words.state}", _STYLES[words.state])
        head = Text.assemble(state, " ", plain(words.id, style="bold"))
        news = f"{words.news}: " if words.news else ""
        console.print(head, plain(f"{news}{words.metric} of {words.cell} {words.change}"))
        for line in _details(words):
            console.print(Padding(plain(line), (0, 0, 0, 2), expand=False))


def print_life(steps: Sequence[Alert], now: datetime, *, stream: TextIO) -> None:
    """One alert with all that became of it, oldest first."""
    console = open_console(stream)
    alert = steps[-1]
    print_alerts(console, [alert_words(alert, now)])
    console.print(plain(f"project {alert.project}; found {moment(alert.opened_at)} by run {alert.run_id}"))
    for step in steps[1:]:
        console.print(Padding(plain(_told_step(step)), (0, 0, 0, 2), expand=False))


def _details(words: AlertWords) -> Iterable[str]:
    yield f"{words.values} since {words.since} ({words.age}), found by {words.found}"
    if words.context:
        yield f"at that point {words.context}"
    if words.standing != AlertState.OPEN:
        yield words.standing


def _told_step(step: Alert) -> str:
    is_only_earlier = step.state is AlertState.OPEN and step.onset is not None
    return f"it began earlier than it was found: on {moment(step.onset)}" if is_only_earlier else standing(step)
