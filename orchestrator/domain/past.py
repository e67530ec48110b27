"""What is kept of a cell: its nights, and what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.domain.alert import Alert
from orchestrator.domain.session import Session


@dataclass(frozen=True, kw_only=True)
class Past:
    """All that is kept of a cell.

    `sessions`: its nights, oldest first. `counting`: the runs of those that the rolling baseline may take. `starts`:
    where the baseline began anew, True with a change that was accepted, False with an improvement. `names`: all names
    of runs, with their runs.
    """

    sessions: tuple[Session, ...]
    counting: frozenset[str] = frozenset()
    starts: Mapping[datetime, bool] = field(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
