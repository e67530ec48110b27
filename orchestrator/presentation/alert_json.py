"""Alerts for programs: what `bench alerts --json` prints."""

import json
from collections.abc import Iterable, Sequence

from orchestrator.domain.alert import Alert
from orchestrator.presentation.alert_words import by_urgency
from orchestrator.presentation.results_from_domain import alert_shape


def alerts_as_json(alerts: Iterable[Alert]) -> str:
    """One object an alert, in the order of the list."""
    return json.dumps([alert_shape(alert).model_dump(mode="json") for alert in by_urgency(alerts)], indent=1)


def life_as_json(steps: Sequence[Alert]) -> str:
    """The alert as it stands, with its earlier `steps`."""
    *earlier, alert = (alert_shape(step).model_dump(mode="json") for step in steps)
    return json.dumps({**alert, "steps": earlier}, indent=1)
