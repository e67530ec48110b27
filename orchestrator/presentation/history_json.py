"""Trends for programs: `bench history --json`."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from orchestrator.domain.trend import Trend
from orchestrator.presentation.results_from_domain import alert_shape

_TREND = TypeAdapter(Trend)


def history_as_json(trends: Sequence[Trend]) -> str:
    """One object a cell."""
    return json.dumps([_as_json(trend) for trend in trends], indent=1)


def _as_json(trend: Trend) -> dict[str, Any]:
    alerts = [alert_shape(alert).model_dump(mode="json") for alert in trend.alerts]
    return {**_TREND.dump_python(trend, mode="json", exclude={"alerts"}), "alerts": alerts}
