"""What came of a model on this host: what the result files of either runtime are written from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.localcloud.findings import Measured
from orchestrator.localcloud.flags import Settings, ignored_note
from orchestrator.localcloud.sessions import Fault, Profile


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The first session's result, and the second's if there was one.

    `walls` stood around the model; `printed` is the end of what the runtime wrote.
    """

    settings: Settings
    measured: Measured | Fault
    model_size_bytes: int
    walls: Mapping[str, bool | int] = field(default_factory=dict)
    printed: str = ""
    profiled: Profile | Fault | None = None

    @property
    def profile(self) -> Profile | None:
        """The second session's, if it delivered one."""
        return self.profiled if isinstance(self.profiled, Profile) else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of the results should know besides the figures."""
        ignored = ignored_note(self.settings.ignored)
        if not isinstance(self.profiled, Fault):
            return ignored
        return (*ignored, f"no per-operator profile: {self.profiled.reason}")
