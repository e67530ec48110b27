"""How soon workers notice that one of them is gone."""

from dataclasses import dataclass

TAKEOVER_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Tempo:
    """What a worker does again and again, all from one number: by when a dead worker's jobs are taken over."""

    takeover_s: float = TAKEOVER_S

    @property
    def beat_s(self) -> float:
        """Between two signs of life."""
        return self.takeover_s / 12

    @property
    def dead_after_s(self) -> float:
        """Without a sign of life for so long, a worker counts as dead."""
        return self.takeover_s / 2

    @property
    def look_s(self) -> float:
        """Between two looks for what dead workers left."""
        return self.takeover_s / 6

    @property
    def fetch_s(self) -> float:
        """Between two looks for tasks that nobody announced."""
        return min(1.0, self.takeover_s / 12)

    @property
    def leave_s(self) -> float:
        """What a worker that was asked to stop gives its jobs to come to a halt: it shows no sign of life meanwhile."""
        return self.takeover_s / 6

    @property
    def database_s(self) -> float:
        """How long the database may be away before a worker ends with an error."""
        return self.takeover_s
