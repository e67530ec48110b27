"""How many jobs on how many devices a benchmark runs, and the plan for them."""

from dataclasses import dataclass

_PLAN = """\
version: 1
name: {name}
cloud: {cloud}
models: [short.onnx, long.onnx]
devices: ["simulated-*"]
repeats: {repeats}
limits: {{in_flight: {in_flight}, per_device: 2, poll_interval: 1s}}
"""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """So many devices with two models each; `time_scale` of the clock for a second of theirs."""

    devices: int
    repeats: int
    time_scale: float

    @property
    def jobs(self) -> int:
        """How many that makes."""
        return 2 * self.devices * self.repeats

    def plan(self, name: str, cloud: str) -> str:
        """The plan's text, for the cloud at that address."""
        return _PLAN.format(name=name, cloud=cloud, repeats=self.repeats, in_flight=2 * self.devices)
