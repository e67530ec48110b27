"""On whose behalf the past is asked for: what a run may be compared with."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.history.stamp import NOW


@dataclass(frozen=True, kw_only=True)
class Asked:
    """For which run baselines are asked: only runs before it count (run ids sort by time), and of what there is only
    what was there at the stamp `until`, so that an old run can be judged as it was.
    """

    project: str
    run_id: str
    at: datetime
    until: int = NOW
